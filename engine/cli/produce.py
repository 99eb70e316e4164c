"""`produce`: commands to the log as JSON lines, without the REST API, and what became of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from msgspec import Struct

from engine.core.principal import NOBODY, principal_of

from .faults import CommandFailed, NoConnection, UsageFault
from .line_reading import STDIN, Line, can_be_read_again, in_background, pages
from .options import Installed, Json, expand
from .output import print_json, print_line, print_note, shown_count

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.core.ports import Log

    from .command_lines import CommandLines, Wish
    from .producing import Appending, Outcome, Turns, Waiting

#: Lines whose problems are shown; the others are counted.
LINES_SHOWN_MAX = 50
#: Of lines that nobody can count before, progress is shown after so many each.
SHOWN_EACH = 10_000


class ProduceOptions(Struct, frozen=True, kw_only=True):
    """What is sent, and how."""

    file: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="JSON lines; repeat it; - or none: standard input.")
    ] = None
    check: Annotated[bool, typer.Option("--check", help="Check all lines, send nothing.")] = False
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for outcomes.")] = False
    claims: Annotated[
        str,
        typer.Option(
            "--as", metavar="WHO", help="Whose commands they are: user:NAME or client:NAME; signed if a secret is set."
        ),
    ] = NOBODY.claims
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Wait so long for an outcome.")] = 30.0


def produce(wanted: ProduceOptions, installed: Installed, as_json: Json = False) -> None:
    """Put commands on the log, a JSON object a line, and show what came of it.

    Files are checked against the schemas first: nothing is sent when one of their lines is wrong. Of standard input
    each line is sent as it comes, up to the first that is wrong.
    """
    if principal_of(wanted.claims).claims != wanted.claims:
        raise UsageFault(f"--as: expected user:NAME or client:NAME, got '{wanted.claims}'; correct it")
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
    from .producing import Appending, Turns, Waiting

    codec = Assembly(schema_ids(settings)).codec
    files = wanted.file or [STDIN]
    seal = settings.authorization.seal()
    log = await _open_log(settings)
    try:
        name, numbers = f"produce-{uuid4().hex[:12]}", itertools.count(1)
        lines = CommandLines(codec, log.partition_count, lambda: f"{name}/{next(numbers)}", wanted.claims)
        total = await _check(lines, files) if wanted.check or can_be_read_again(files) else None
        if wanted.check:
            print_note(f"well-formed lines: {shown_count(total or 0)}; nothing was sent")
            return {}
        wishes = Wishes(lines, files, Turns(log.partition_count))
        if wanted.no_wait:
            return await _send(Appending(log, codec, seal), wishes, total, as_json)
        waiting = Waiting(log, codec, SystemClock(), name=name, timeout_seconds=wanted.timeout, seal=seal)
        return await _send(waiting, wishes, total, as_json)
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


async def _check(lines: CommandLines, files: Sequence[Path]) -> int:
    """How many lines there are. Raises CommandFailed that lists all problems of all lines."""
    good = wrong = 0
    async for page in in_background(pages(files)):
        for place, line in page:
            _, problems = lines.read(place, line)
            good, wrong = good + (not problems), wrong + bool(problems)
            if wrong <= LINES_SHOWN_MAX:
                _print_problems(place, problems)
    if wrong > LINES_SHOWN_MAX:
        print_note(f"and {shown_count(wrong - LINES_SHOWN_MAX)} more lines")
    if wrong:
        raise CommandFailed(f"{shown_count(wrong)} of {shown_count(good + wrong)} lines are wrong; nothing was sent")
    return good


class Wishes:
    """The commands of lines as they come, up to the first line that is wrong: `wrong` is its place then."""

    def __init__(self, lines: CommandLines, files: Sequence[Path], turns: Turns) -> None:
        self.wrong = ""
        self._lines = lines
        self._files = files
        self._turns = turns

    async def pages(self) -> AsyncIterator[Sequence[Wish]]:
        """Each as soon as it can be read."""
        async for page in in_background(pages(self._files)):
            yield self._turns.spread(self._read(page))
            if self.wrong:
                return

    def _read(self, page: Sequence[Line]) -> Iterator[Wish]:
        for place, line in page:
            wish, problems = self._lines.read(place, line)
            if wish is None:
                _print_problems(place, problems)
                self.wrong = place
                return
            yield wish


def _print_problems(place: str, problems: Sequence[str]) -> None:
    for problem in problems:
        print_note(f"{place}: {problem}")


async def _send(sender: Appending | Waiting, wishes: Wishes, total: int | None, as_json: bool) -> dict[str, int]:
    """Send all, print what became of each; gives how often each outcome came. `total`: None if nobody knows yet."""
    from .producing import NOT_SENT
    from .producing import produce as send_all
    from .progress import open_bars

    counts: dict[str, int] = {}
    await sender.start()
    try:
        with ExitStack() as stack:
            has_bars = not as_json and (total is None or total > 1)
            bars = stack.enter_context(open_bars(share=0.1)) if has_bars else None
            async for found in send_all(sender.send, wishes.pages()):
                counts[found.outcome] = counts.get(found.outcome, 0) + 1
                print_json(_document(found)) if as_json else _print(found)
                done = sum(counts.values())
                if bars is not None and (total is not None or done % SHOWN_EACH == 0):
                    bars.show("Produce", done, total)
    finally:
        with suppress(asyncio.CancelledError):
            await sender.close()
    if counts.get(NOT_SENT):
        print_note(f"nothing after {found.wish.place} was read")
    if wishes.wrong:
        raise CommandFailed(
            f"{wishes.wrong} is wrong: it was not sent, and nothing after it was read{_counted(counts)}"
        )
    return counts


def _counted(counts: Mapping[str, int]) -> str:
    """What became of those before it."""
    return "".join(f"; {outcome} {shown_count(count)}" for outcome, count in sorted(counts.items()))


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
