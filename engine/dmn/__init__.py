"""DMN models: bytes in, a graph of decisions or problems out; variables in, a decision and why out.

Pure: no clock, no I/O, no state; the log is not known here. `README.md` lists what is supported and the limits.
"""
