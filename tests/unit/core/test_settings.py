"""Settings are those of the log, also after a step that changed them was undone."""

from __future__ import annotations

from typing import get_type_hints

import msgspec
import pytest

from engine.core.effects import Attempt, Effects, Event
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.machine import Machine
from engine.core.record import command
from engine.core.settings import LIMITS, MachineSettings
from engine.records import Settings
from tests.support.scenario import Scenario


def change_and_refuse() -> Effects:
    text = msgspec.json.encode(MachineSettings(slice_size=7)).decode()
    yield Event(value_type="SETTINGS", intent="UPDATED", value=Settings(settings=text))
    raise Reject(INVALID_STATE, "planted")


def test_settings_are_restored_with_the_overlay() -> None:
    machine: Machine = Scenario(settings={"slice_size": 5}).machine()
    seen = []

    def effects() -> Effects:
        seen.append((yield Attempt(effects=change_and_refuse())))
        seen.append(machine.settings.slice_size)

    machine._attempt(effects())
    assert seen[0] is not None
    assert seen[1:] == [5]
    assert machine.settings.slice_size == 5


@pytest.mark.parametrize("name", LIMITS)
def test_settings_that_a_client_forges_are_refused_where_they_do_not_fit(name: str) -> None:
    """Without access lists anyone can put them on `internal`."""
    s = Scenario(settings={"slice_size": 5})
    low, high = LIMITS[name]
    for wrong in (low - 1, high + 1):
        text = msgspec.json.encode({name: wrong}).decode()
        told = s.when_internal(command("SETTINGS", "UPDATE", Settings(settings=text)))
        told.rejected(INVALID_ARGUMENT, f"{name}: expected from {low} to {high}, got {wrong}")
    assert s.machine().settings == MachineSettings(slice_size=5)


def test_every_number_that_the_machine_reads_has_its_limits() -> None:
    numbers = {name for name, kind in get_type_hints(MachineSettings).items() if kind in (int, float)}
    assert numbers == LIMITS.keys()
