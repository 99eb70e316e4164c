"""What commands print: JSON for programs, tables and colours on a terminal, plain aligned columns elsewhere."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import typer

if TYPE_CHECKING:
    from rich.console import Console

#: What a terminal would obey, but for line breaks, tabs and colours.
CONTROLS = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")

#: Between two columns.
GAP = "  "

#: Colours of states on a terminal.
STYLES = {
    "ACTIVE": "cyan",
    "CREATED": "cyan",
    "COMPLETED": "green",
    "RESOLVED": "green",
    "ok": "green",
    "SUSPENDED": "yellow",
    "SKIPPED": "yellow",
    "CANCELED": "yellow",
    "PARTIALLY_COMPLETED": "yellow",
    "TERMINATED": "magenta",
    "FAILED": "red",
    "yes": "red",
}


def is_terminal() -> bool:
    """Whether a person looks at the output."""
    return sys.stdout.isatty()


def is_watched() -> bool:
    """Whether a person looks at the remarks and the progress beside the output."""
    return sys.stderr.isatty()


def console(*, beside: bool = False) -> Console:
    """Rich's console on standard output, or beside it on standard error; it keeps to NO_COLOR."""
    from rich.console import Console

    return Console(highlight=False, stderr=beside)


def print_json(document: Any) -> None:
    """One JSON document on one line."""
    print_line(msgspec.json.encode(document).decode())


def harmless(text: str) -> str:
    """Much of what is printed was written by others: control characters in it are shown as in JSON, not obeyed."""
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_line(text: str) -> None:
    """One line, at once: a reader of a pipe sees it now."""
    sys.stdout.write(harmless(text) + "\n")
    sys.stdout.flush()


def print_request(url: str, body: Any, headers: Mapping[str, str], *, as_json: bool) -> None:
    """A POST as it would be sent; `headers`: those beside its type."""
    if as_json:
        print_json({"method": "POST", "url": url, **({"headers": headers} if headers else {}), "body": body})
        return
    lines = [f"{name}: {value}" for name, value in {"Content-Type": "application/json", **headers}.items()]
    print_line("\n".join([f"POST {url}", *lines, ""]))
    print_line(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())


def print_note(text: str) -> None:
    """One line for a person, beside the output."""
    sys.stderr.write(harmless(text) + "\n")
    sys.stderr.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: drawn on a terminal, aligned columns elsewhere. Nothing is cut, so that keys can be copied."""
    lines = [[harmless(" ".join(cell.split())) for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if is_terminal():
        _draw_table(lines, sum(widths) + len(GAP) * len(widths))
        return
    for line in lines:
        print_line(GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _draw_table(lines: Sequence[Sequence[str]], width: int) -> None:
    from rich.table import Table
    from rich.text import Text

    names, *rows = lines
    table = Table(*names, box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    screen = console()
    screen.width = max(screen.width, width)
    screen.print(table)


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Names and values, one pair a line."""
    width = max(len(name) for name, _ in fields)
    if not is_terminal():
        for name, value in fields:
            print_line(f"{name.ljust(width)}  {value}".rstrip())
        return
    from rich.text import Text

    for name, value in fields:
        console().print(Text.assemble((name.ljust(width), "bold"), "  ", (harmless(value), STYLES.get(value, ""))))


def styled(state: str) -> str:
    """A state within a line, in its colour on a terminal."""
    colour = STYLES.get(state)
    if colour is None or not is_terminal() or "NO_COLOR" in os.environ:
        return state
    return typer.style(state, fg=colour)


def shown(value: object) -> str:
    """A value of a document in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def shown_count(count: int, *, at_least: bool = False) -> str:
    """10000 as 10,000; with a plus sign when there may be more."""
    return f"{count:,}{'+' if at_least else ''}"
