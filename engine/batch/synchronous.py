"""A type of batch operation applied to a short list at once: all items in one step, or none.

It is no batch operation: it has no key, no life and no items of its own; what was done is in the step of its EXECUTED
event. Rule: what would need another step, or another partition, is refused, and so is the whole list. What the state
no longer has is told by who asks, who has looked it up: that something is not there, what it had, what is started, but
not whose it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec
from msgspec import Struct

from engine.core.effects import Attempt, Effects, Event
from engine.core.faults import EXCEEDED_LIMIT, INVALID_ARGUMENT, NOT_FOUND, Reject
from engine.core.principal import Principal, principal_of
from engine.core.record import NONE, Record, partition_of
from engine.core.state import View
from engine.process.tables import ELEMENT_INSTANCES, INCIDENTS, JOBS
from engine.process.work import FOLLOW_UP, Work
from engine.records import BatchOperationCreation
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import BatchOptions

from .authorization import Authorize
from .execution import ITEM_DONE
from .lifecycle import CREATION
from .operation import Item, Operation
from .options import problems_of_options

#: Failures that the refusal of a list tells; of the others it tells how many there are.
FAILURES_TOLD_MAX = 10


def execute_at_once(
    operation: Operation, parameters: Struct, authorize: Authorize, command: Record, view: View
) -> Effects:
    """BATCH_OPERATION_CREATION EXECUTE, its parameters checked. Raises Reject: then nothing has happened."""
    wish = cast(BatchOperationCreation, command.value)
    keys = tuple(dict.fromkeys(wish.item_keys))
    _refuse_what_needs_a_batch(operation, wish, keys, view)
    facts = _facts_of(operation, wish)
    caller = principal_of(command.step.claims)
    failures: list[Reject] = []
    for key in keys:
        refusal = yield Attempt(
            effects=_do(operation, parameters, authorize, caller, _item(operation, key, facts.get(key), view), view)
        )
        if refusal is not None:
            failures.append(Reject(refusal.code, f"{key}: {refusal.reason}"))
    if failures:
        raise _refusal(failures, len(keys))
    value = msgspec.structs.replace(
        wish,
        item_keys=keys,
        facts=(),
        partition_ids=(view.partition,),
        lead_partition=view.partition,
        actor_type=caller.type,
        actor_id=caller.id,
    )
    yield Event(value_type=CREATION, intent="EXECUTED", value=value, answers=True)


def _refuse_what_needs_a_batch(
    operation: Operation, wish: BatchOperationCreation, keys: tuple[int, ...], view: View
) -> None:
    batch = f"create a batch operation (POST {operation.path})"
    if wish.options != BatchOptions(reason=wish.options.reason):
        raise Reject(INVALID_ARGUMENT, f"expected no option but a reason to do this at once, got others; {batch}")
    if problems := problems_of_options(wish.options):
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    if wish.filter or wish.excluded_keys or not keys:
        raise Reject(INVALID_ARGUMENT, f"expected keys and no filter to do this at once, got others; {batch}")
    limit = view.settings.synchronous_items_max
    if len(keys) > limit:
        raise Reject(EXCEEDED_LIMIT, f"expected at most {limit} keys to do this at once, got {len(keys)}; {batch}")
    elsewhere = sorted({partition_of(key) for key in keys} - {view.partition})
    if elsewhere:
        expected = f"expected keys of partition {view.partition} alone to do this at once"
        raise Reject(INVALID_ARGUMENT, f"{expected}, got some of {', '.join(map(str, elsewhere))}; {batch}")


def _facts_of(operation: Operation, wish: BatchOperationCreation) -> Mapping[int, ItemFacts]:
    """What is told of the items that have ended. What an item of which nothing is told means, the operation says."""
    facts: dict[int, ItemFacts] = {}
    for one in wish.facts:
        if operation.selects.only_running or one.item_key in facts or one.item_key not in wish.item_keys:
            expected = "none about what runs" if operation.selects.only_running else "those of the keys, each once"
            raise Reject(INVALID_ARGUMENT, f"facts: expected {expected}, got some of {one.item_key}; leave them out")
        facts[one.item_key] = one
    return facts


def _item(operation: Operation, key: int, facts: ItemFacts | None, view: View) -> Item:
    instance_key = _instance_of(operation, key, view)
    return Item(
        key=key,
        process_instance_key=instance_key,
        root_process_instance_key=NONE,
        # Nobody waits for it: what would pause is refused.
        at_end=Work(FOLLOW_UP, key, ITEM_DONE, f"{NONE} {instance_key} {NONE}"),
        facts=facts,
        awaited=False,
    )


def _instance_of(operation: Operation, key: int, view: View) -> int:
    """The process instance that a target belongs to, NONE if there is no such target, or it belongs to none."""
    if operation.selects.entity == "JOB":
        job = view.get(JOBS, key)
        return job.process_instance_key if job else NONE
    if operation.selects.entity == "INCIDENT":
        incident = view.get(INCIDENTS, key)
        return incident.process_instance_key if incident else NONE
    if not operation.selects.only_running:
        return key if operation.selects.is_of_instances else NONE
    row = view.get(ELEMENT_INSTANCES, key)
    return key if row is not None and row.process_instance_key == key else NONE


def _do(
    operation: Operation, parameters: Struct, authorize: Authorize, caller: Principal, item: Item, view: View
) -> Effects:
    believed = item if operation.starts_instances else msgspec.structs.replace(item, facts=None)
    authorize(caller, operation, believed, view)
    _refuse_missing(operation, item)
    if not (yield from operation.decide(parameters, item, view)):
        expected = "expected what ends in the same step"
        raise Reject(
            EXCEEDED_LIMIT, f"{expected}, got a process instance that needs several; create a batch operation for it"
        )


def _refuse_missing(operation: Operation, item: Item) -> None:
    """Raises Reject NOT_FOUND for what is not there: in the state, or in secondary storage as who asks says."""
    kind = operation.selects.entity.lower().replace("_", " ")
    expected = f"expected {'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if operation.selects.only_running and item.process_instance_key == NONE:
        raise Reject(NOT_FOUND, f"{expected} that is there, got none; check the key, it may have ended")
    if item.facts is not None and not item.facts.state:
        raise Reject(NOT_FOUND, f"{expected} that is searchable, got none; check the key, or try again later")


def _refusal(failures: list[Reject], count: int) -> Reject:
    """All of what stands in the way; with the code of the first."""
    told = "; ".join(failure.reason for failure in failures[:FAILURES_TOLD_MAX])
    more = len(failures) - FAILURES_TOLD_MAX
    rest = f"; and {more} more" if more > 0 else ""
    return Reject(
        failures[0].code,
        f"expected all of {count} items to succeed, got {len(failures)} that fail, so nothing was done. {told}{rest}",
    )
