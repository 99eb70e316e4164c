"""The workload of the simulation on real processes, in real time, judged as there. See tests/README.md.

Clients, reference model, the watch over the log and the checks of rest are those of the simulation. What differs is
here: machines of processes (`machines.py`), what strikes them (`strikes.py`), HTTP (`client.py`), and a copy of the log
that is read from outside (`log_copy.py`). A seed decides what is asked and what strikes, not what comes first.
"""
