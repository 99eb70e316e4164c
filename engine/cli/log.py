"""`log`: what is on the log, one short line a record, whether its engine runs or not."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from msgspec import Struct

from .faults import UsageFault
from .options import Installed, expand


class RecordOptions(Struct, frozen=True, kw_only=True):
    """Which records."""

    topic: Annotated[str, typer.Option(metavar="TOPIC", help="events, commands or internal.")] = "events"
    partition: Annotated[list[int] | None, typer.Option(metavar="N", help="Partition; repeat it.")] = None
    value_type: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Family, such as JOB; repeat it.")
    ] = None
    intent: Annotated[
        list[str] | None, typer.Option(metavar="INTENT", help="Such as ELEMENT_ACTIVATED; repeat it.")
    ] = None
    key: Annotated[int | None, typer.Option(metavar="KEY", help="Key of the records.")] = None
    instance: Annotated[int | None, typer.Option(metavar="KEY", help="All records of a process instance.")] = None


def log(
    wanted: RecordOptions,
    installed: Installed,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new records until Ctrl-C.")] = False,
    tail: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Begin with the last N records of each partition.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many lines.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each record as JSON, for programs.")] = False,
) -> None:
    """Show what is on the log, one short line a record."""
    from engine.records import FAMILIES
    from engine.records.intents import INTENTS
    from engine.schema_ids import schema_ids
    from engine.shell.codec import Codec

    from .log_reading import Selection, open_log, read_records
    from .log_records import describe, selects, to_document
    from .output import print_json, print_line

    settings = installed.settings()
    codec = Codec(FAMILIES, ids=schema_ids(settings))
    _refuse_unknown("type", wanted.value_type, set(FAMILIES))
    _refuse_unknown(
        "intent", wanted.intent, {name for i in INTENTS.values() for name in (*i.commands, *i.events, "READ")}
    )

    async def print_records() -> None:
        printed = 0
        source = await open_log(settings)
        try:
            selection = Selection(topic=wanted.topic, partitions=wanted.partition, tail=tail, follow=follow)
            async for found in read_records(source, codec, selection):
                if not selects(wanted, found):
                    continue
                if as_json:
                    print_json(to_document(found))
                else:
                    print_line(describe(found))
                printed += 1
                if printed == limit:
                    return
        finally:
            await source.close()

    asyncio.run(print_records())


def _refuse_unknown(kind: str, given: list[str] | None, known: set[str]) -> None:
    """A name that cannot be on the log would give an empty answer, which reads as if nothing had happened."""
    unknown = sorted(set(given or ()) - known)
    if unknown:
        raise UsageFault(f"expected a {kind} of {', '.join(sorted(known))}; got {', '.join(unknown)}")


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("log")(expand(log))
