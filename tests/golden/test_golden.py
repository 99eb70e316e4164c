"""Yesterday's logs give yesterday's state, and are decided again to the byte (design laws 3 and 8).

"unreleased" follows the code until a version is released; then `python -m tests.golden.release VERSION` freezes it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.core.record import EVENT
from engine.operations import OPERATIONS
from engine.records import BatchOperationCreation
from engine.records.intents import INTENTS
from tests.golden import golden_log
from tests.golden.golden_log import GoldenLog
from tests.golden.release import FOLDER, UNRELEASED, ReleaseFault, main, release, versions
from tests.golden.story import tell
from tests.support.scenario import ASSEMBLY, CODEC

#: Events that the story cannot tell, and why.
NOT_TOLD = {
    ("CLOCK", "TIMER_DROPPED"): "only a timer that fails for a bug is dropped",
}

IF_MEANT = (
    "Only while nothing is released, and if the change is meant: run "
    "`python -m pytest tests/golden --update-golden` and review the diff."
)
STATE_DIFFERS = (
    "{name}: this build makes another state of this log than the build that wrote it, in the tables {tables}. "
    "A released applier or schema must never change: give the event a new version with its own applier. " + IF_MEANT
)
OUTCOME_DIFFERS = (
    "{name}, partition {partition}: this build decides a command otherwise than the one that wrote the log:\n"
    "{difference}\nA change in behaviour hides behind a flag that is recorded on the log. " + IF_MEANT
)
LOG_DIFFERS = (
    "the same story gives another log than before, from line {line} on:\n  {before}\nbecame\n  {after}\n" + IF_MEANT
)


@pytest.fixture(scope="module")
def told() -> GoldenLog:
    return golden_log.record(tell())


def test_the_story_gives_the_same_log(told: GoldenLog, update_golden: bool) -> None:
    if update_golden:
        golden_log.write(FOLDER / UNRELEASED, told, ASSEMBLY)
    kept = (FOLDER / UNRELEASED / golden_log.LOG).read_text().splitlines()
    lines = golden_log.lines_of(told, CODEC)
    for line, (before, after) in enumerate(zip(kept, lines, strict=False), 1):
        assert before == after, LOG_DIFFERS.format(line=line, before=without_bytes(before), after=without_bytes(after))
    assert len(kept) == len(lines)


def without_bytes(line: str) -> str:
    return ", ".join(f"{name}: {value}" for name, value in json.loads(line).items() if name != "value")


@pytest.mark.parametrize("name", versions())
def test_a_log_gives_the_state_it_gave(name: str) -> None:
    expected = golden_log.read_digests(FOLDER / name)
    given = golden_log.read(FOLDER / name).digests(ASSEMBLY)
    differing = sorted(
        f"{partition}/{table}"
        for partition in expected
        for table in expected[partition].keys() | given[partition].keys()
        if expected[partition].get(table) != given[partition].get(table)
    )
    assert not differing, STATE_DIFFERS.format(name=name, tables=", ".join(differing))


@pytest.mark.parametrize("name", versions())
def test_a_log_is_decided_again_to_the_byte(name: str) -> None:
    for found in golden_log.read(FOLDER / name).rerun(ASSEMBLY):
        assert found.difference is None, OUTCOME_DIFFERS.format(
            name=name, partition=found.partition, difference=found.difference
        )
        assert found.pending_commands == found.unfinished_records == 0


def test_the_story_tells_of_everything(told: GoldenLog) -> None:
    records = list(told.records(CODEC))
    wanted = {(value_type, intent) for value_type, intents in INTENTS.items() for intent in intents.events}
    missing = wanted - {(record.value_type, record.intent) for record in records if record.record_type == EVENT}
    assert missing == NOT_TOLD.keys(), "tell of them in tests/golden/story.py, or say why not in NOT_TOLD"
    operations = {r.value.batch_operation_type for r in records if isinstance(r.value, BatchOperationCreation)}
    assert operations == OPERATIONS.keys()


# the freeze, tried on a release made here


def test_a_release_keeps_the_log_and_is_never_written_again(tmp_path: Path) -> None:
    (tmp_path / UNRELEASED).mkdir()
    for name in (golden_log.LOG, golden_log.DIGESTS):
        (tmp_path / UNRELEASED / name).write_bytes((FOLDER / UNRELEASED / name).read_bytes())
    kept = release("0.1.0", tmp_path)
    assert versions(tmp_path) == ["0.1.0", UNRELEASED]
    assert golden_log.read(kept).digests(ASSEMBLY) == golden_log.read_digests(FOLDER / UNRELEASED)
    with pytest.raises(ReleaseFault, match=r"expected a new version, got 0\.1\.0"):
        release("0.1.0", tmp_path)
    with pytest.raises(ReleaseFault, match="expected a version such as"):
        release("next", tmp_path)
    assert main([]) == 2
