"""The auditor: proves from the log alone that what the screen says is what happened. Changes nothing."""
