"""Settings are those of the log, also after a step that changed them was undone."""

from __future__ import annotations

import msgspec

from engine.core.effects import Attempt, Effects, Event
from engine.core.faults import INVALID_STATE, Reject
from engine.core.machine import Machine
from engine.core.settings import MachineSettings
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
