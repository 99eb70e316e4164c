"""Batch operations: one decision applied to many targets, over all partitions. Pure. Knows no operation by name."""
