"""Bugs in what process instances wait for, throw and call."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from msgspec import structs

from engine.bpmn.model import BOUNDARY_EVENT
from engine.core.effects import Send
from engine.core.faults import INVALID_STATE, Reject
from engine.core.state import key_tail
from engine.process import (
    broadcasts,
    errors,
    escalations,
    jobs,
    lifecycle,
    message_buffer,
    message_subscriptions,
    messages,
    signals,
    timer_starts,
    timers,
)
from engine.process import work as kinds
from engine.process.elements import ad_hoc_sub_process, throw_event
from engine.process.events import catching, timer
from engine.process.events.message import MessageWait
from engine.process.message_tables import OPEN_SUBSCRIPTIONS, address
from engine.process.work import Work

from .planting import PROCESSORS, patch

Effects = Generator[Any, Any, Any]


def message_correlated_twice() -> None:
    """Everyone of a process gets it."""

    def give_to_all(view: Any, message: Any) -> Effects:
        process_ids = []
        for row_key, _ in view.scan(OPEN_SUBSCRIPTIONS, address(message.name, message.correlation_key)):
            row = message_subscriptions._require(view, key_tail(row_key))
            yield from message_subscriptions._give(key_tail(row_key), row, message)
            process_ids.append(row.bpmn_process_id)
        return frozenset(process_ids)

    patch(messages, "give_to_waiting", give_to_all)


def subscription_outlives_its_host() -> None:
    close = MessageWait.close

    def silently(self: MessageWait, *given: Any) -> Effects:
        for effect in close(self, *given):
            if not isinstance(effect, Send):
                yield effect

    patch(MessageWait, "close", silently)


def message_kept_for_ever() -> None:
    patch(messages, "set_due", lambda *_: None)


def message_given_again() -> None:
    """To a process that had it."""
    first = message_buffer.first_buffered
    patch(message_subscriptions, "first_buffered", lambda view, name, key, _process_id: first(view, name, key, ""))


def signal_on_one_partition_only() -> None:
    broadcast = broadcasts.broadcast

    def at_home(view: Any, *given: Any, **named: Any) -> Effects:
        for effect in broadcast(view, *given, **named):
            if not isinstance(effect, Send) or effect.partition == view.partition:
                yield effect

    patch(signals, "broadcast", at_home)
    patch(throw_event, "broadcast", at_home)


def end_of_called_instance_not_heard() -> None:
    def refuse(_command: Any, _view: Any) -> Effects:
        yield from ()
        raise Reject(INVALID_STATE, "nobody listens")

    PROCESSORS["PROCESS_INSTANCE_CALL", "RETURN"] = refuse


def boundary_event_does_not_interrupt() -> None:
    catch = catching.catch

    def beside(execution: Any, key: int, event: Any, data: str) -> Effects:
        gentle = structs.replace(event, interrupting=False) if event.type == BOUNDARY_EVENT else event
        yield from catch(execution, key, gentle, data)

    for module in (catching, errors, escalations):
        patch(module, "catch", beside)


def cycle_fires_once_more() -> None:
    evaluate = timer.evaluate_timer

    def longer(*given: Any) -> Any:
        schedule = evaluate(*given)
        return structs.replace(schedule, repetitions=schedule.repetitions + 1) if schedule.repetitions > 1 else schedule

    patch(timer, "evaluate_timer", longer)
    patch(timer_starts, "evaluate_timer", longer)


def event_does_not_wait_for_what_undoes() -> None:
    def at_once(execution: Any, work: Work) -> Effects:
        yield from ()
        execution.push(Work(kinds.COMPLETE, work.key))

    lifecycle._PERFORM[kinds.COMPENSATED] = at_once


def completion_condition_not_asked() -> None:
    """Of ad-hoc sub-processes."""
    patch(ad_hoc_sub_process, "is_fulfilled", lambda *_: False)


def suspended_job_given_out() -> None:
    patch(jobs, "is_suspended", lambda *_: False)


def timer_of_a_suspended_instance_fires() -> None:
    patch(timers, "is_suspended", lambda *_: False)


def held_things_are_not_released() -> None:
    def release_none(*_: Any) -> Effects:
        yield from ()

    lifecycle._PERFORM[kinds.RELEASE] = release_none
