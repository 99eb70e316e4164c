"""Tables of figures on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

Row = tuple[str, str]


#: Characters of a line where no terminal says how many it has.
WIDTH = 160


def print_table(title: str, rows: Sequence[Row]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("figure", justify="right")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)


class Rows(list[Row]):
    """Rows that are told on standard error as they are found, for whoever waits for the table."""

    def note(self, what: str, figure: str) -> None:
        self.append((what, figure))
        sys.stderr.write(f"  {what}: {figure}\n")
