"""Yesterday's logs still give yesterday's state (design law 8).

`<version>/log.jsonl`: every record of every partition, base64, in order. `<version>/digests.json`: the digest per table
of the state that it gives. "unreleased" follows the code until a version is tagged; then its folder is frozen under
that version's name and never changes again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.shell.memory_store import MemoryStore
from tests.property.test_machine import SETTINGS, run_story
from tests.support.scenario import ASSEMBLY, CODEC, Scenario, replay

FOLDER = Path(__file__).parent
UNRELEASED = FOLDER / "unreleased"
PARTITIONS = 2

STATE_DIFFERS = (
    "{name}: this build makes another state of this log than the build that wrote it, in the tables {tables}. "
    "A released applier or schema must never change: give the event a new version with its own applier. "
    "Only while nothing is released, and if the change is meant: run "
    "`python -m pytest tests/golden --update-golden` and review the diff."
)
LOG_DIFFERS = (
    "the same commands give another log than before, from record {line} on:\n  {before}\nbecame\n  {after}\nIf the "
    "change is meant: run `python -m pytest tests/golden --update-golden` and review the diff."
)


def versions() -> list[str]:
    return sorted(folder.name for folder in FOLDER.iterdir() if (folder / "log.jsonl").is_file())


def read_log(folder: Path) -> dict[int, list[bytes]]:
    log: dict[int, list[bytes]] = {}
    for line in (folder / "log.jsonl").read_text().splitlines():
        entry = json.loads(line)
        log.setdefault(entry["partition"], []).append(base64.b64decode(entry["value"]))
    return log


def state_of(log: dict[int, list[bytes]]) -> dict[str, dict[str, str]]:
    """Partition -> table -> digest; tables without rows are left out, so that a new table changes nothing."""
    digests = {}
    for partition, values in log.items():
        store = MemoryStore()
        state, machine = ASSEMBLY.machine(store, partition, len(log))
        replay(values, state, machine)
        filled = {table.name for table in state.tables if state.scan(table, limit=1)}
        digests[str(partition)] = {name: digest for name, digest in state.digests().items() if name in filled}
    return digests


def lines_of(story: Scenario) -> Iterator[str]:
    """A line a record. `build` is not compared, so it is the same in all of them."""
    for number, partition in story.partitions.items():
        for value in partition.events:
            yield json.dumps({"partition": number, "value": base64.b64encode(value).decode()})


def tell() -> Scenario:
    return run_story(Scenario(PARTITIONS, settings=SETTINGS, build="golden"))


def describe(line: str) -> str:
    if not line:
        return "nothing"
    record = CODEC.decode(base64.b64decode(json.loads(line)["value"]))
    return f"{record.value_type} {record.intent} {record.key} {record.value}"


def test_the_commands_of_the_story_give_the_same_log(update_golden: bool) -> None:
    told = list(lines_of(tell()))
    if update_golden:
        UNRELEASED.mkdir(exist_ok=True)
        (UNRELEASED / "log.jsonl").write_text("\n".join(told) + "\n")
        digests = json.dumps(state_of(read_log(UNRELEASED)), indent=2, sort_keys=True)
        (UNRELEASED / "digests.json").write_text(digests + "\n")
    kept = (UNRELEASED / "log.jsonl").read_text().splitlines()
    for line, (before, after) in enumerate(zip(kept + [""] * len(told), told, strict=False)):
        assert before == after, LOG_DIFFERS.format(line=line, before=describe(before), after=describe(after))
    assert len(kept) == len(told), LOG_DIFFERS.format(line=len(told), before=describe(kept[-1]), after="nothing")


@pytest.mark.parametrize("name", versions())
def test_a_log_gives_the_state_it_gave(name: str) -> None:
    expected = json.loads((FOLDER / name / "digests.json").read_text())
    given = state_of(read_log(FOLDER / name))
    differing = sorted(
        f"{partition}/{table}"
        for partition in expected
        for table in expected[partition].keys() | given[partition].keys()
        if expected[partition].get(table) != given[partition].get(table)
    )
    assert not differing, STATE_DIFFERS.format(name=name, tables=", ".join(differing))


def test_there_is_a_golden_log() -> None:
    assert "unreleased" in versions()
