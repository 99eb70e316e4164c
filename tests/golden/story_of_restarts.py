"""The part of the golden story about what had ended and begins again."""

from __future__ import annotations

from engine.operations.cancel_process_instance import Parameters as Cancellation
from engine.operations.restart_process_instance import Parameters as Restart
from engine.records.process_instance_creation import StartInstruction
from tests.support import models as m
from tests.support.actions import CANCEL, RESTART, batch, complete_all, creation, set_variables
from tests.support.scenario import Scenario


def begin_again(s: Scenario) -> None:
    """With last and with initial variables, behind an element, one that still runs, and one alone."""
    s.deploy(m.straight("again", m.job("first", "first"), m.job("second", "second"), names=["first", "second"]))
    created = ("PROCESS_INSTANCE_CREATION", "CREATED")
    keys = [s.when(creation("again", '{"x": 1}', business_id="B-7"), number).one(*created).key for number in (1, 2)]
    for key in keys:
        set_variables(s, key, '{"x": 2, "late": true}')
        s.cancel(key)
    s.create("again")
    wanted = '{"processDefinitionId": "again", "state": {"$exists": true}}'
    s.when(batch(RESTART, wanted, Restart()))
    behind = (StartInstruction(after_element_id="first"),)
    again = Restart(start_instructions=behind, initial_variables=True, without_business_id=True)
    s.when(batch(RESTART, wanted, again, item_keys=tuple(keys)))
    s.when(creation("again", restarted_process_instance_key=keys[0]))


def let_go(s: Scenario) -> None:
    """A caller is canceled without those that it has called, which then end by themselves."""
    s.deploy(m.straight("caller", m.multi(m.call("each", "again")), names=["each"]))
    s.create("caller", '{"items": [1, 2]}')
    s.when(batch(CANCEL, '{"processDefinitionId": "caller"}', Cancellation(skip_subprocesses=True)))
    complete_all(s, "first")
