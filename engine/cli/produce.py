"""`produce`: commands to the log as JSON lines, without the REST API, and what became of them."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from msgspec import Struct

from .faults import CommandFailed, NoConnection, UsageFault
from .options import Installed, Json, expand
from .output import print_json, print_line, print_note, shown_count

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.core.ports import Log

    from .command_lines import Wish
    from .producing import Outcome

STDIN = Path("-")
#: Lines whose problems are shown; the others are counted.
LINES_SHOWN_MAX = 50


class ProduceOptions(Struct, frozen=True, kw_only=True):
    """What is sent, and how."""

    file: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="JSON lines; repeat it; - or none: standard input.")
    ] = None
    check: Annotated[bool, typer.Option("--check", help="Check all lines, send nothing.")] = False
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for outcomes.")] = False
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Wait so long for an outcome.")] = 30.0


def produce(wanted: ProduceOptions, installed: Installed, as_json: Json = False) -> None:
    """Put commands on the log, a JSON object a line, and show what came of it.

    All lines are checked against the schemas first: nothing is sent when one of them is wrong.
    """
    outcomes = asyncio.run(_produce(wanted, installed.settings(), as_json))
    bad = sum(count for outcome, count in outcomes.items() if outcome not in ("ACCEPTED", "APPENDED"))
    if bad:
        told = ", ".join(f"{outcome} {shown_count(count)}" for outcome, count in sorted(outcomes.items()))
        raise CommandFailed(f"{shown_count(bad)} of {shown_count(sum(outcomes.values()))} were not accepted: {told}")


async def _produce(wanted: ProduceOptions, settings: Settings, as_json: bool) -> dict[str, int]:
    from engine.assembly import Assembly
    from engine.schema_ids import schema_ids
    from engine.shell.clock import SystemClock

    from .command_lines import CommandLines
    from .producing import Appending, Waiting, spread

    codec = Assembly(schema_ids(settings)).codec
    log = await _open_log(settings)
    try:
        name, numbers = f"produce-{uuid4().hex[:12]}", itertools.count(1)
        lines = CommandLines(codec, log.partition_count, lambda: f"{name}/{next(numbers)}")
        wishes = spread(_read(lines, wanted.file or [STDIN]), log.partition_count)
        if wanted.check:
            print_note(f"well-formed lines: {shown_count(len(wishes))}; nothing was sent")
            return {}
        if wanted.no_wait:
            return await _send(Appending(log, codec), wishes, as_json)
        waiting = Waiting(log, codec, SystemClock(), name=name, timeout_seconds=wanted.timeout)
        return await _send(waiting, wishes, as_json)
    finally:
        await log.close()


async def _open_log(settings: Settings) -> Log:
    """The log of a running installation. Raises NoConnection."""
    from engine.core.faults import Unavailable

    try:
        if settings.kafka.bootstrap_servers:
            from replay.kafka import open_log

            return await open_log(settings.kafka.connection())
        from engine.shell.embedded.client import EmbeddedLog

        from .log_reading import OPEN_SECONDS

        return await EmbeddedLog.open(settings.data, timeout=OPEN_SECONDS)
    except Unavailable as error:
        raise NoConnection(f"{error.message}; is the engine running? Name its data with --data or --config") from None


def _read(lines: Any, files: list[Path]) -> list[Wish]:
    """All commands. Raises CommandFailed that lists all problems of all lines."""
    wishes, wrong = [], []
    for place, line in _lines(files):
        wish, problems = lines.read(place, line)
        if wish is None:
            wrong.append((place, problems))
        else:
            wishes.append(wish)
    if wrong:
        for place, problems in wrong[:LINES_SHOWN_MAX]:
            for problem in problems:
                print_note(f"{place}: {problem}")
        if len(wrong) > LINES_SHOWN_MAX:
            print_note(f"and {shown_count(len(wrong) - LINES_SHOWN_MAX)} more lines")
        raise CommandFailed(
            f"{shown_count(len(wrong))} of {shown_count(len(wrong) + len(wishes))} lines are wrong; nothing was sent"
        )
    return wishes


def _lines(files: list[Path]) -> Iterator[tuple[str, bytes]]:
    from .command_lines import numbered

    for path in files:
        if path == STDIN:
            yield from numbered(iter(sys.stdin.buffer), "")
            continue
        try:
            with path.open("rb") as opened:
                yield from numbered(opened, str(path) if len(files) > 1 else "")
        except OSError as error:
            raise UsageFault(f"--file: expected a file {path}, got: {error.strerror}; name another") from None


async def _send(sender: Any, wishes: Sequence[Wish], as_json: bool) -> dict[str, int]:
    """Send all, print what became of each; gives how often each outcome came."""
    from .producing import produce as send_all
    from .progress import open_bars

    counts: dict[str, int] = {}
    await sender.start()
    try:
        with ExitStack() as stack:
            bars = None if as_json or len(wishes) < 2 else stack.enter_context(open_bars(share=0.1))
            async for found in send_all(sender.send, wishes):
                counts[found.outcome] = counts.get(found.outcome, 0) + 1
                print_json(_document(found)) if as_json else _print(found)
                if bars is not None:
                    bars.show("Produce", sum(counts.values()), len(wishes))
    finally:
        with suppress(asyncio.CancelledError):
            await sender.close()
    return counts


def _document(found: Outcome) -> dict[str, Any]:
    record, wish = found.record, found.wish
    document = {"place": wish.place, "partition": wish.partition, "request": wish.record.step.request}
    document |= {"valueType": wish.record.value_type, "outcome": found.outcome}
    if record is None:
        return document | ({"reason": found.reason} if found.reason else {})
    return document | {"intent": record.intent, "key": str(record.key), "position": record.position}


def _print(found: Outcome) -> None:
    record, wish = found.record, found.wish
    text = f"{wish.place}: {found.outcome} {wish.record.value_type}"
    if record is not None:
        print_line(f"{text} {record.intent} {record.key}")
    elif found.is_good:
        print_line(f"{text} {wish.record.intent} on partition {wish.partition}")
    else:
        print_line(f"{text} {wish.record.intent}: {found.reason}")


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("produce")(expand(produce))
