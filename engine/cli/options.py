"""Options that commands share, as Structs: one field an option.

`expand` turns a command that takes such Structs into one that Typer understands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo

from .faults import UsageFault

if TYPE_CHECKING:
    from engine.config import Settings

DEFAULT_URL = "http://127.0.0.1:8080/v2"

Command = Callable[..., None]


class Connection(Struct, frozen=True, kw_only=True):
    """Which engine, and for whom the output is."""

    url: Annotated[
        str, typer.Option(envvar="RETOLD_URL", metavar="URL", help="Where the engine serves its REST API.")
    ] = DEFAULT_URL
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False


Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="RETOLD_CONFIG", help="YAML file with settings; see `retold config template`."),
]


class Installed(Struct, frozen=True, kw_only=True):
    """Which installation is looked at, by the settings with which its engine runs: where its log is, and its files."""

    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Data directory of the engine. Default: data.")] = (
        None
    )
    config: Config = None

    def settings(self) -> Settings:
        """The settings in force. Raises UsageFault."""
        from engine.config import load
        from engine.core.faults import BadRequest

        try:
            return load(self.config, {"data": self.data})
        except BadRequest as error:
            raise UsageFault(error.message) from None


Limit = Annotated[int, typer.Option(min=0, help="Show at most so many.")]
Variables = Annotated[str, typer.Option(metavar="JSON", help="Variables to set: a JSON object, or @FILE.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def expand(command: Command, **structs: type[Struct]) -> Command:
    """The command with every parameter that is a Struct replaced by the fields of it.

    `structs` says which Struct a parameter is when its annotation cannot.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[Struct]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        wanted = structs.get(parameter.name, parameter.annotation)
        if isinstance(wanted, type) and issubclass(wanted, Struct):
            groups[parameter.name] = wanted
            parameters += [_parameter(field) for field in msgspec.structs.fields(wanted)]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def expanded(**values: Any) -> None:
        for name, struct in groups.items():
            values[name] = struct(**{field.name: values.pop(field.name) for field in msgspec.structs.fields(struct)})
        command(**values)

    expanded.__doc__ = command.__doc__
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return expanded


def _parameter(field: FieldInfo) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is NODEFAULT else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field.type)


def read_json(option: str, text: str, wanted: Any = Any) -> Any:
    """The value of a JSON option, or of the file that `@FILE` names. Raises UsageFault."""
    raw = text.encode()
    if text.startswith("@"):
        try:
            raw = Path(text[1:]).read_bytes()
        except OSError as error:
            raise UsageFault(f"{option}: expected a file {text[1:]}, got: {error.strerror}; name another") from None
    try:
        return msgspec.json.decode(raw, type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        shown = text if len(text) <= 60 else text[:60] + "…"
        raise UsageFault(f"{option}: expected JSON, got {shown!r} ({error}); quote it for the shell") from None
