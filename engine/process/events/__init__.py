"""What element instances wait for, and what happens when it happens: one file a kind, all listed in `waits`."""
