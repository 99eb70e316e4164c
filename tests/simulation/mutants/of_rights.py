"""Bugs in who may do what, in plans, in what is held, and in who is told of ends."""

from __future__ import annotations

from typing import Any

from engine.batch import approval, authorization, execution, initialization, plans, webhooks
from engine.batch.tables import Progress
from engine.core.faults import Reject
from engine.core.principal import Principal, principal_of
from engine.identity import needs, rights, users
from engine.shell import runner
from engine.shell.webhooks import WebhookDriver

from .planting import patch


def right_not_checked_when_an_item_runs() -> None:
    patch(authorization, "require", lambda *_, **__: None)


def items_are_found_that_may_not_be_read() -> None:
    patch(initialization, "readable_processes", lambda *_: None)


def existence_told_before_the_right() -> None:
    require: Any = rights.require

    def later(view: Any, who: Any, resource_type: str, permissions: Any, find: Any, **named: Any) -> None:
        try:
            require(view, who, resource_type, permissions, find, **named)
        except Reject:
            if find is None or find() is not None:
                raise

    patch(needs, "require", later)


def rights_outlive_their_user() -> None:
    patch(users, "revoke_all", lambda *_: iter(()))


def believe(what: str) -> None:
    """A command is from whom it says, whatever would tell."""
    decide: Any = vars(runner)["decide"]

    def believing(*given: Any, **named: Any) -> Any:
        return decide(*given, **{**named, what: None})

    patch(runner, "decide", believing)


def signature_not_checked() -> None:
    believe("seal")


def principal_of_an_inbox_not_checked() -> None:
    believe("claims")


def plan_not_compared() -> None:
    patch(plans, "difference_of", lambda *_: [])
    patch(execution, "difference_of", lambda *_: [])


def approval_not_asked_for() -> None:
    patch(plans, "refuse_unapproved", lambda *_: None)


class Stranger(Principal, frozen=True):
    """Somebody who is equal to nobody, not even to himself."""

    def __eq__(self, _other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0


def own_plan_approved() -> None:
    def stranger(claims: str) -> Principal:
        found = principal_of(claims)
        return Stranger(found.type, found.id)

    patch(approval, "principal_of", stranger)


def held_phase_ignored() -> None:
    patch(Progress, "runs", property(lambda self: self.initialized and not self.finished))


def told_before_the_end_is_committed() -> None:
    begin: Any = WebhookDriver.__init__

    def hasty(self: Any, **named: Any) -> None:
        begin(self, **{**named, "committed_view": lambda: named["machine"]})

    patch(WebhookDriver, "__init__", hasty)


def told_once_at_most() -> None:
    patch(webhooks, "ATTEMPTS_MAX", 1)
