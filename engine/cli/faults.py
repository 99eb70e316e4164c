"""How a command ends when it does not end well, and the exit code of each way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: What was asked for failed.
EXIT_FAILED = 1
#: The command line makes no sense.
EXIT_USAGE = 2
#: Nobody answers at the URL.
EXIT_NO_CONNECTION = 3
#: Nothing is wrong, but not all of it could be proved: the beginning of the log is gone.
EXIT_UNPROVED = 4
#: Ended by Ctrl-C.
EXIT_INTERRUPTED = 130


class CommandFailed(Exception):
    """What was asked for failed. The text is for a person; no stack trace is shown."""

    exit_code = EXIT_FAILED


class Unproved(CommandFailed):
    """Nothing is wrong, but not all could be proved."""

    exit_code = EXIT_UNPROVED


class UsageFault(CommandFailed):
    """The command line makes no sense."""

    exit_code = EXIT_USAGE


class NoConnection(CommandFailed):
    """Nobody answers at the URL."""

    exit_code = EXIT_NO_CONNECTION


class Refused(CommandFailed):
    """The engine answered with a problem detail (RFC 9457)."""

    def __init__(self, status: int, title: str, lines: Sequence[str]) -> None:
        super().__init__("\n".join([f"{title} ({status})", *(f"  {line}" for line in lines)]))
        self.status = status
        self.title = title


def refused(status: int, problem: Mapping[str, object]) -> Refused:
    """The fault of a problem detail: all lines of it, or all its problems when it lists them."""
    problems = problem.get("problems")
    texts = [str(text) for text in problems] if isinstance(problems, list) else [str(problem.get("detail") or "")]
    lines = [line for text in texts for line in text.splitlines()]
    return Refused(status, str(problem.get("title") or "Error"), lines)
