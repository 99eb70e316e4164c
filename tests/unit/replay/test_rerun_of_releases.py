"""A log that a released build wrote is decided again to the byte when its schemas have got more fields since."""

from __future__ import annotations

import asyncio
import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from engine.core.machine import Machine
from engine.core.ports import Store
from engine.core.state import State
from engine.records import FAMILIES
from engine.shell.codec import Codec
from engine.shell.codec.evolution import release
from engine.shell.memory_store import MemoryStore
from replay.redecision import PartitionRerun, Redecision
from tests.support.models import one_task
from tests.support.scenario import ASSEMBLY, Scenario
from tests.unit.replay.recorded import Recorded


class Later:
    """A build whose schemas have a field more than those of release 0.1.0: the last one of JOB."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(Path(str(files("schemas"))), folder, ignore=shutil.ignore_patterns("released", "__pycache__"))
        job = folder / "job.avsc"
        current = job.read_text()
        schema = json.loads(current)
        schema["fields"].pop()
        job.write_text(json.dumps(schema))
        release(folder, "0.1.0")
        job.write_text(current)
        self.codec = Codec(FAMILIES, folder)

    def machine(self, store: Store, partition: int, partition_count: int) -> tuple[State, Machine]:
        state = State(store, ASSEMBLY.registry.tables)
        machine = Machine(
            registry=ASSEMBLY.registry,
            state=state,
            encoder=self.codec,
            partition=partition,
            partition_count=partition_count,
            build="retold-0.2.0",
        )
        return state, machine


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Later:
    return Later(tmp_path_factory.mktemp("schemas") / "schemas")


def written_by(build: str, codec: Codec) -> Recorded:
    """A log as that build wrote it."""
    scenario = Scenario(build=build)
    scenario.deploy(one_task())
    scenario.create("one")
    log = Recorded(scenario)
    log.rewrite(1, log.steps(1), codec)
    return log


def rerun(log: Recorded, later: Later) -> PartitionRerun:
    return asyncio.run(Redecision(log, later, 1, MemoryStore()).run())


def test_the_log_of_a_release_is_the_same(later: Later) -> None:
    released = later.codec.as_written("0.1.0", b"")
    assert released.fingerprints["JOB"] != later.codec.fingerprints["JOB"]
    log = written_by("retold-0.1.0", released)
    found = rerun(log, later)
    assert found.difference is None
    assert found.steps > 1


def test_a_build_that_is_no_release_has_the_schemas_of_today(later: Later) -> None:
    assert later.codec.as_written("0.3.0", b"") is later.codec
    assert rerun(written_by("retold-source", later.codec), later).difference is None
    assert rerun(written_by("retold-source", later.codec.as_written("0.1.0", b"")), later).difference is not None
