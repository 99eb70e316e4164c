"""`new-operation`: the two files of a new batch operation type, to be filled in.

They are a type already, which has its REST path, its command and its place in the simulation; it refuses every item.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from .faults import UsageFault
from .options import expand
from .output import print_fields

NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def new_operation(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its type, such as RAISE_PRIORITY.")],
    *,
    directory: Annotated[Path, typer.Option(metavar="PATH", help="The source tree of Retold.")] = Path(),
) -> None:
    """Write the two files of a new batch operation type.

    Nothing else names a type: REST, command line, standard tests and simulation find it there.
    """
    if not NAME.fullmatch(name):
        raise UsageFault(f"expected a name like RAISE_PRIORITY, got {name!r}; use capitals, digits and underscores")
    made = files_of(name)
    for path in made:
        if not (directory / path).parent.is_dir():
            raise UsageFault(
                f"expected the source tree of Retold in '{directory}', got no {path.parent}; say where it is"
            )
        if (directory / path).exists():
            raise UsageFault(f"expected a new name, but there is {directory / path}; choose another one")
    for path, text in made.items():
        (directory / path).write_text(text)
    print_fields([("Write the effects", str(next(iter(made)))), ("Describe the parameters", str(list(made)[1]))])


def files_of(name: str) -> dict[Path, str]:
    """Place in the source tree -> text: the module and the schema."""
    words = name.lower().split("_")
    given = {
        "name": name,
        "sentence": " ".join(words).capitalize(),
        "path": "-".join(words),
        "record": "".join(word.capitalize() for word in words),
    }
    templates = files("engine.cli") / "templates"
    return {
        Path(folder, "operations", name.lower() + end): (templates / f"operation{end}.txt")
        .read_text()
        .format_map(given)
        for folder, end in (("engine", ".py"), ("schemas", ".avsc"))
    }


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("new-operation")(expand(new_operation))
