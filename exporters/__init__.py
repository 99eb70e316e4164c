"""Projections of the log into secondary storage, and the searches over them. Nothing here can change what happened."""
