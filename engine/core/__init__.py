"""The law: records, state, registry and the machine. Pure: no clock, no randomness, no I/O; imports only `records`."""
