"""The whole installation in one process: seeded, with virtual time, under faults. See tests/README.md."""
