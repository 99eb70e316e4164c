"""Processor time of other processes, as Linux tells it: it says what work costs, however busy the machine is."""

from __future__ import annotations

import os
from pathlib import Path

_PROCESSES = Path("/proc")


def processor_seconds(pid: int) -> float:
    """Of one process so far."""
    user, system = _fields(pid)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Seconds(dict[str, float]):
    """Processor time by what took it, in seconds."""

    def since(self, earlier: Seconds) -> Seconds:
        """What was added."""
        return Seconds({name: value - earlier.get(name, 0.0) for name, value in self.items()})

    @property
    def total(self) -> float:
        return sum(self.values())

    def each(self, count: int) -> str:
        """Microseconds for one of `count` things, the most first."""
        parts = [f"{name} {value / count * 1e6:,.0f}" for name, value in self.sorted() if value]
        return f"{self.total / count * 1e6:,.0f} us: {', '.join(parts)}"

    def share(self, seconds: float) -> str:
        """Of a core during that time, the most first."""
        return ", ".join(f"{name} {value / seconds:.1%}" for name, value in self.sorted())

    def sorted(self) -> list[tuple[str, float]]:
        return sorted(self.items(), key=lambda pair: pair[1], reverse=True)


def seconds_by_role(pid: int) -> Seconds:
    """Of the processes of a `retold run` so far: `partition`, all of them together, `gateway`, `supervisor`, …"""
    found = Seconds(supervisor=processor_seconds(pid))
    for folder in _PROCESSES.glob("[0-9]*"):
        try:
            child = int(folder.name)
            if int(_fields(child)[1]) == pid:
                role = _role(folder)
                found[role] = found.get(role, 0.0) + processor_seconds(child)
        except OSError:  # it has ended
            continue
    return found


def megabytes_by_role(pid: int) -> dict[str, float]:
    """Memory of the processes of a `retold run` now, that of the largest of each role.

    Without mapped files: pages of the log and the state are the kernel's, which takes them back when it needs room.
    """
    found: dict[str, float] = {}
    for folder in _PROCESSES.glob("[0-9]*"):
        try:
            child = int(folder.name)
            if int(_fields(child)[1]) == pid:
                role = _role(folder)
                found[role] = max(found.get(role, 0.0), _megabytes(folder))
        except OSError:  # it has ended
            continue
    return found


def _megabytes(folder: Path) -> float:
    lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) / 1024


def _fields(pid: int) -> list[str]:
    """What follows the name in `stat`."""
    return (_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _role(folder: Path) -> str:
    """As in `python -m engine.processes ROLE`; partitions without their number."""
    arguments = (folder / "cmdline").read_text().split("\0")
    role = arguments[3] if "engine.processes" in arguments else "other"
    return role.partition("-")[0]
