"""What each process of an installation does, whoever runs it: production, or a simulation.

Rule: a role takes everything that the world does to it from its `Host`. Must not open files, sockets or processes.
"""
