"""`retold` as a child process of the demo: it ends when standard input does, so that it never outlives its parent."""

from __future__ import annotations

import os
import signal
import threading

from engine.cli.main import main


def _end_with_parent() -> None:
    # By its number: a thread that waits in `sys.stdin` would hold its lock when the interpreter ends.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main()
