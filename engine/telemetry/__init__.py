"""Traces and metrics of a process: counted in memory, told to whoever asks, sent by OTLP where it is switched on.

Rule: it only looks on. Nothing here decides, delays or fails the work it watches; every queue and every name is
bounded. The rooms that are watched know ports alone; the composition root hands them what is here.
"""
