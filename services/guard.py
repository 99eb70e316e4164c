"""Runs one program and ends it when standard input ends: `python guard.py PROGRAM ARGUMENT...`.

Whoever starts it holds the other end of standard input. However that process ends, the pipe closes with it, and the
program is killed. Prints the program's process id; ends with its exit code. Standard library only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    """Run it; give its exit code, 128 more than the signal if it was killed by one."""
    # The program's own output goes where errors go: a log file.
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    print(program.pid, flush=True)
    threading.Thread(target=_end_with_starter, args=(program,), daemon=True).start()
    exit_code = program.wait()
    return exit_code if exit_code >= 0 else 128 - exit_code


def _end_with_starter(program: subprocess.Popen[bytes]) -> None:
    # By its number: a thread that waits in `sys.stdin` would hold its lock when the interpreter ends.
    while os.read(0, 1024):
        pass
    program.send_signal(signal.SIGKILL)


if __name__ == "__main__":
    # Ctrl-C is for the process that started this one, which then stops the program in order.
    os.setsid()
    sys.exit(main(sys.argv[1:]))
