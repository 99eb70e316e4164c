"""Messages that are given to one process instance directly: nobody publishes them, no correlation key is asked for.

Each open subscription of the instance whose message has the name gets it, as if it had come from the partition of the
correlation key; that partition is told only that a subscription is closed.
"""

from __future__ import annotations

from engine.core.effects import Effects
from engine.core.faults import EXCEEDED_LIMIT, Reject
from engine.core.state import View, key_tail

from . import work as kinds
from .events.message import subscription_event, tell
from .events.waits import close_excluded
from .execution import open_execution
from .lifecycle import run
from .message_tables import PROCESS_MESSAGE_SUBSCRIPTIONS, SUBSCRIPTIONS_OF
from .tables import PAUSES, is_suspended
from .work import Work


def deliver(view: View, instance_key: int, name: str, variables: str) -> Effects:
    """Give a message of this name, or of any if it is empty, to a running process instance.

    What is closed by an earlier one gets none; a suspended instance gets none at all, as in Camunda 7. Raises Reject
    NOT_FOUND or EXCEEDED_LIMIT.
    """
    open_execution(view, instance_key)
    if is_suspended(view, instance_key):
        return
    most = view.settings.step_effects_max
    found = view.scan(SUBSCRIPTIONS_OF, instance_key, limit=most + 1)
    if len(found) > most:
        raise Reject(
            EXCEEDED_LIMIT,
            f"expected process instance {instance_key} to wait for at most {most} messages, got more; correlate them "
            "by their correlation keys",
        )
    for row_key, host in found:
        yield from _give(view, key_tail(row_key), host, name, variables)


def _give(view: View, key: int, host: int, name: str, variables: str) -> Effects:
    row = view.get(PROCESS_MESSAGE_SUBSCRIPTIONS, host, key)
    if row is None or name not in ("", row.message_name):
        return
    execution = open_execution(view, row.process_instance_key)
    message = {"message_key": view.next_key(), "variables": variables, "direct": True}
    yield subscription_event(execution, "CORRELATED", key, host, row, **message)
    if row.interrupting:
        yield tell(view, "DELETE", key, host, row)
        if view.get(PAUSES, row.process_instance_key) is not None:
            yield from close_excluded(execution, host, row.element_id)
    execution.push(Work(kinds.HAPPENED, host, row.element_id, variables))
    yield from run(execution)
