"""How large an instance may be that migrates: the numbers of docs/batch-operations.md."""

from __future__ import annotations

import pytest

from engine.core.settings import MachineSettings
from tests.support import models as m
from tests.support.actions import migrate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

#: Records of a migration; the numbers of the table with ten times as many are ten times as large.
MOST = 1_000
USER_TASK = m.element("userTask", "t", extensions=["<zeebe:userTask />"])
SUB_PROCESS = m.sub_process("t", m.start("begun"), m.job("u"), m.chain("begun", "u"))


def repeated(activity: str, **loop: str) -> bytes:
    return m.model(m.process("p", m.start(), m.multi(activity, **loop), m.chain("start", "t")))


def begin(scenario: MakeScenario, resource: bytes, count: int, most: int = MOST) -> tuple[Scenario, int, int]:
    """An instance with so many items, and the key of another version that is the same."""
    s = scenario(settings={"migration_effects_max": most})
    s.deploy(resource)
    key = s.create("p", '{"key": "k", "items": [' + ",".join("1" * count) + "]}")
    return s, key, s.deploy(resource + b"<!-- anew -->").all("PROCESS", "CREATED")[0].key


def refuse_one_more(scenario: MakeScenario, resource: bytes, count: int, *names: str, most: int = MOST) -> None:
    s, key, target = begin(scenario, resource, count, most)
    expected = f"to migrate in one step of {most} records, got more to do"
    migrate(s, key, target, *names).rejected("EXCEEDED_LIMIT", expected)


@pytest.mark.parametrize(
    ("resource", "count", "names"),
    [
        (repeated(m.job("t")), 332, ("t",)),
        (repeated(USER_TASK), 332, ("t",)),
        (repeated(m.job("t"), inputElement="item"), 249, ("t",)),
        (repeated(SUB_PROCESS), 249, ("t", "u")),
        (repeated(m.receive("t")), 249, ("t",)),
    ],
    ids=["service tasks", "user tasks", "service tasks with an input element", "sub-processes", "receive tasks"],
)
def test_so_many_instances_of_an_activity_fit(
    scenario: MakeScenario, resource: bytes, count: int, names: tuple[str, ...]
) -> None:
    s, key, target = begin(scenario, resource, count)
    migrate(s, key, target, *names).accepted().one("PROCESS_INSTANCE_MIGRATION", "MIGRATED")
    refuse_one_more(scenario, resource, count + 1, *names)


def test_so_many_instances_of_an_activity_fit_by_default(scenario: MakeScenario) -> None:
    most, resource = MachineSettings().migration_effects_max, repeated(m.job("t"))
    s, key, target = begin(scenario, resource, 3_332, most)
    migrate(s, key, target, "t").accepted().one("PROCESS_INSTANCE_MIGRATION", "MIGRATED")
    refuse_one_more(scenario, resource, 3_333, "t", most=most)


def test_so_many_branches_fit(scenario: MakeScenario) -> None:
    names = [f"task{number}" for number in range(499)]
    s, key, target = begin(scenario, m.fan("p", 498), 1)
    migrate(s, key, target, *names[:498]).accepted().one("PROCESS_INSTANCE_MIGRATION", "MIGRATED")
    refuse_one_more(scenario, m.fan("p", 499), 1, *names)
