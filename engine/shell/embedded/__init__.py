"""The durable log of one installation on one machine: one process writes, all others read its memory map."""
