"""The part of the golden story in which what was done is undone."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, complete
from tests.support.scenario import Scenario


def undo(s: Scenario) -> None:
    """An activity, and one in a sub-process, are undone; another time that is canceled. Receipts are drawn."""
    pay = m.start("begin") + m.script("pay", "=[uuid(), random number()]", "receipt") + m.chain("begin", "pay")
    payment = m.sub_process("payment", pay, m.undo_job("refund", "pay", "undoing"))
    parts = (m.task("book"), m.undo_job("unbook", "book", "undoing"), payment, m.throw("rolled-back", m.compensation()))
    s.deploy(m.straight("undo", *parts, names=("book", "payment", "rolled-back")))
    s.create("undo", partition=2)
    for key in activate(s, "undoing", partition=2):
        complete(s, key, '{"undone": true}').accepted()
    canceled = s.create("undo", partition=2)
    s.cancel(canceled).accepted()
