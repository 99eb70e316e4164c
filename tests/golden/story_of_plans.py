"""The part of the golden story in which batch operations are tried, kept as plans, approved and committed."""

from __future__ import annotations

import msgspec

from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import CANCEL, batch, manage
from tests.support.scenario import Scenario

WHICH = '{"processDefinitionId": "planned"}'


def plan(s: Scenario) -> None:
    """A plan that has changed before it is committed, and one that holds and that another user has approved."""
    s.deploy(m.one_task("planned"))
    keys = [s.create("planned", partition=1 + number % 2) for number in range(4)]
    for gone in (keys[0], None):
        options = BatchOptions(dry_run=True, keep_plan=True)
        key = s.when(batch(CANCEL, WHICH, options=options), 1).all("BATCH_OPERATION_CREATION", "CREATED")[0].key
        if gone is not None:
            s.cancel(gone)
        approval = manage("APPROVE", key)
        step = msgspec.structs.replace(approval.step, claims="user:bob")
        s.when(msgspec.structs.replace(approval, step=step)).accepted()
        s.when(batch("", "", options=BatchOptions(plan_key=key)), 1).accepted()
