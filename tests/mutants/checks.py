"""What notices the planted bugs: the checks of the tests, as functions that raise."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from engine.core.ports import INTERNAL, VALUE_SIZE_MAX
from engine.records import Deployment, Message, ProcessInstanceCreation
from engine.records.deployment import Resource
from tests.property.test_machine import SETTINGS, run_story
from tests.support import models as m
from tests.support.actions import activate, batch, complete, manage, set_variables
from tests.support.batches import final, key_of, populate
from tests.support.engine import run_with_fault
from tests.support.identities import ON, by, grant, revoke
from tests.support.scenario import Scenario, make

ROOT = Path(__file__).parents[2]


def appends_fail() -> None:
    """tests/unit/shell/test_runner.py"""
    for fault_at in range(3):
        for appended in (False, True):
            asyncio.run(run_with_fault(fault_at, appended=appended))


def story_obeys_the_laws() -> None:
    """The end of every scenario: live == replay, a dense log, numbers that add up."""
    s = Scenario()
    s.deploy(m.one_task())
    set_variables(s, s.create("one", '{"a": 1}'), '{"a": 2}')
    s.check()


def same_commands_same_bytes() -> None:
    """tests/golden: the log depends on the commands alone."""
    chains = {tuple(chains_of(run_story(Scenario(2, settings=SETTINGS)))) for _ in range(2)}
    assert len(chains) == 1, "expected the same commands to give the same bytes"


def chains_of(s: Scenario) -> list[str]:
    return [s.machine(number).head.chain_hash.hex() for number in s.partitions]


def same_bytes_whatever_the_hash_seed() -> None:
    """tests/property: as above, in processes with other hash seeds, the planted bug in each of them."""
    program = (
        "from tests.mutants.checks import *; from tests.mutants.mutants import order_by_hash\n"
        "import pytest; order_by_hash(pytest.MonkeyPatch())\n"
        "s = Scenario(); s.deploy(m.fan('fan', 9)); s.cancel(s.create('fan')); print(chains_of(s))"
    )
    told = set()
    for seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        told.add(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout)
    assert len(told) == 1, "expected the same bytes whatever the hash seed"


def refused_commands_leave_nothing() -> None:
    """tests/unit/process: a command whose records would be too large leaves nothing."""
    s = Scenario()
    s.deploy(m.one_task())
    wish = ProcessInstanceCreation(bpmn_process_id="one", variables=f'{{"a": "{"x" * (VALUE_SIZE_MAX - 120)}"}}')
    s.when(make("PROCESS_INSTANCE_CREATION", "CREATE", wish)).rejected("EXCEEDED_LIMIT")
    s.check()


def cancel_ends() -> None:
    """tests/unit/batch: a batch operation that is canceled ends, and its numbers add up."""
    s = Scenario(2)
    populate(s, 4)
    s.send(batch())
    s.step(1)
    s.initialize(1)
    s.when(manage("SUSPEND", key_of(s)))
    s.when(manage("CANCEL", key_of(s)))
    s.check()
    assert final(s).intent == "CANCELED"
    assert final(s).value.canceled == final(s).value.total


def suspended_does_nothing() -> None:
    """tests/unit/batch: nothing is executed once a batch operation is suspended."""
    s = Scenario(settings={"slice_size": 1})
    populate(s, 5)
    s.send(batch())
    while not s.everything().all("BATCH_OPERATION_EXECUTION", "EXECUTED"):
        s.one()
    s.send(manage("SUSPEND", key_of(s)))
    s.drain()
    outcomes = len(s.everything().all("BATCH_OPERATION_ITEM"))
    assert outcomes < 5, "expected a suspended batch operation to do nothing"


def messages_are_taken_once() -> None:
    """tests/unit/process: a message that comes again is ignored."""
    s = Scenario(2)
    s.deploy(m.one_task())
    s.send_bytes(s.partitions[2].inputs[INTERNAL][0].value, 2, INTERNAL)
    s.drain()
    assert len(s.everything().all("DEPLOYMENT", "DISTRIBUTED")) == 1
    s.check()


def timers_end() -> None:
    """tests/unit/process: nothing is due for a job that is gone."""
    s = Scenario()
    s.deploy(m.one_task())
    s.create("one")
    (key,) = activate(s, timeout=10)
    complete(s, key)
    s.check()
    assert s.is_empty()


def rights_end() -> None:
    """tests/unit/identity: what is taken back no longer holds."""
    s = Scenario(settings=ON)
    revoke(s, grant(s, "user:ada", "MESSAGE", "CREATE"))
    s.when(by(make("MESSAGE", "PUBLISH", Message(name="paid")), "user:ada")).rejected("FORBIDDEN")


def items_are_authorized() -> None:
    """tests/unit/batch/test_batch_rights.py: what the creator may not do to an item fails."""
    s = Scenario(settings=ON)
    grant(s, "user:ada", "RESOURCE", "CREATE")
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "CREATE_PROCESS_INSTANCE", "READ_PROCESS_INSTANCE")
    resources = (Resource(resource_name="one.bpmn", resource=m.one_task()),)
    s.when(by(make("DEPLOYMENT", "CREATE", Deployment(resources=resources)), "user:ada")).accepted()
    wish = make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one"))
    s.when(by(wish, "user:ada")).accepted()
    s.when(by(batch(), "user:ada")).accepted()
    assert (final(s).value.failed, final(s).intent) == (1, "FAILED"), "expected the item to fail"  # type: ignore[attr-defined]
