"""Batch operations as a part of the engine, for a set of operation types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from msgspec import Struct

from engine.core.effects import Effects
from engine.core.faults import INVALID_ARGUMENT, BadRequest, Reject
from engine.core.head import apply_nothing
from engine.core.record import NONE, Record
from engine.core.registry import Part, table_values
from engine.core.state import View
from engine.records import BatchOperationCreation

from . import appliers, ended, incidents
from .approval import approve, items_at_most, refuse_without_plan
from .authorization import Authorize, authorize_creation, authorize_item
from .execution import ITEM_DONE, Running, execute, item_done, try_item
from .initialization import change_page_size, create_chunks, fail
from .life import FINAL_STATES
from .lifecycle import (
    CHUNK,
    CREATION,
    EXECUTION,
    INITIALIZATION,
    MANAGEMENT,
    PARTITION_LIFECYCLE,
    as_child,
    create,
    refuse_bad_creation,
    refuse_unknown_type,
)
from .management import RETENTION, delete, expire, manage, resolve_incidents, schedule, update
from .operation import Operation
from .outcomes import ITEM
from .pacing import WAKE, wake
from .plans import VALIDATED, as_commit, begin, take_validation, validate
from .silence import (
    ANSWERED,
    CHECKED,
    GIVEN_UP,
    SILENCE,
    abandon,
    answer,
    apply_answered,
    apply_checked,
    look,
    take_answer,
)
from .supervision import take_pace, take_report
from .synchronous import execute_at_once
from .tables import (
    BATCHES,
    CHUNKS,
    ENDED_BATCHES,
    FACTS,
    INCIDENTS,
    INITIALIZING,
    PLAN_ROWS,
    PLANS,
    PROGRESS,
    REPORTS,
    RETRIED_BY,
    RETRIES,
    SILENCES,
    YIELDING,
    Batch,
)
from .webhooks import WEBHOOK, WEBHOOKS, apply_webhook_ended, apply_webhook_retrying, report_webhook
from .yielding import LATENCY, apply_measured, apply_yielding, measure

#: What a partition tells the lead partition.
REPORTING = ("COMPLETE", "FAIL", "CANCEL", "REPORT")

#: Decodes the parameters of the operation with this name. Raises BadRequest.
DecodeParameters = Callable[[str, bytes], Struct]


def part(
    operations: Mapping[str, Operation], decode_parameters: DecodeParameters, authorize: Authorize = authorize_item
) -> Part:
    """Batch operations of these types; `decode_parameters` knows their schemas."""

    def decode(name: str, data: bytes) -> Struct:
        """Nothing to choose needs no bytes."""
        wanted = operations[name].parameters
        return decode_parameters(name, data) if data or wanted.__struct_fields__ else wanted()

    def parameters_of(name: str, data: bytes) -> Struct:
        try:
            return decode(name, data)
        except BadRequest as error:
            raise Reject(INVALID_ARGUMENT, f"parameters of {name}: {error.message}") from None

    def process_create(command: Record, view: View) -> Effects:
        wish = cast(BatchOperationCreation, command.value)
        follows = command.step.sender_partition != 0
        if not follows:
            if wish.options.plan_key != NONE:
                wish = as_commit(wish, view)
            elif wish.options.parent_key != NONE:
                wish = as_child(wish, view, operations)
            if wish.options.origin_key != NONE:
                authorize_creation(command, wish.batch_operation_type, view)
            refuse_bad_creation(wish, operations)
            operation = operations[wish.batch_operation_type]
            refuse_without_plan(wish, operation, view.settings, items_at_most(wish, operation, view))
        find_operation(wish, view, follows=follows)
        yield from create(command, wish, view)

    def find_operation(wish: BatchOperationCreation, view: View, *, follows: bool) -> tuple[Operation, Struct]:
        operation = operations[wish.batch_operation_type]
        parameters = parameters_of(operation.name, wish.parameters)
        problems = operation.check(parameters)
        if not problems and not follows:  # a partition that follows may have none of the keys
            problems = operation.admit(parameters, view)
        if problems:
            raise Reject(INVALID_ARGUMENT, "; ".join(problems))
        return operation, parameters

    def process_execute(command: Record, view: View) -> Effects:
        wish = cast(BatchOperationCreation, command.value)
        refuse_unknown_type(wish, operations)
        refuse_without_plan(wish, operations[wish.batch_operation_type], view.settings, len(wish.item_keys))
        operation, parameters = find_operation(wish, view, follows=False)
        yield from execute_at_once(operation, parameters, authorize, command, view)

    def open_batch(key: int, batch: Batch) -> Running:
        parameters = decode(batch.type, batch.parameters)
        operation = operations[batch.type]
        return Running(key=key, batch=batch, operation=operation, parameters=parameters, authorize=authorize)

    return Part(
        processors={
            (CREATION, "CREATE"): process_create,
            (CREATION, "EXECUTE"): process_execute,
            (INITIALIZATION, "INITIALIZE"): change_page_size,
            (INITIALIZATION, "FAIL"): fail,
            (INITIALIZATION, "VALIDATE"): partial(validate, partial(try_item, open_batch)),
            (CHUNK, "CREATE"): create_chunks,
            **{(EXECUTION, intent): partial(execute, open_batch) for intent in ("EXECUTE", "DRY_RUN")},
            **{(MANAGEMENT, intent): manage for intent in ("SUSPEND", "RESUME", "CANCEL")},
            (MANAGEMENT, "UPDATE"): update,
            (MANAGEMENT, "SCHEDULE"): schedule,
            (MANAGEMENT, "START"): begin,
            (MANAGEMENT, "APPROVE"): approve,
            (MANAGEMENT, "DELETE"): delete,
            (MANAGEMENT, "RESOLVE_INCIDENTS"): resolve_incidents,
            (incidents.FAMILY, "RESOLVE"): incidents.resolve,
            (incidents.FAMILY, "RESOLVE_SOME"): incidents.resolve_some,
            **{(PARTITION_LIFECYCLE, f"{kind}_PARTITION"): take_report for kind in REPORTING},
            (PARTITION_LIFECYCLE, "PACE_PARTITION"): take_pace,
            (PARTITION_LIFECYCLE, "CHECK_PARTITION"): answer,
            (PARTITION_LIFECYCLE, "ANSWER_PARTITION"): take_answer,
            (PARTITION_LIFECYCLE, "ABANDON_PARTITION"): abandon,
            (LATENCY, "MEASURE"): measure,
            (WEBHOOK, "REPORT_WEBHOOK"): report_webhook,
            (PARTITION_LIFECYCLE, "VALIDATE_PARTITION"): take_validation,
        },
        appliers={
            (CREATION, "CREATED"): appliers.apply_created,
            (CREATION, "EXECUTED"): apply_nothing,
            (INITIALIZATION, "INITIALIZING"): appliers.apply_initializing,
            (INITIALIZATION, "RETRYING"): appliers.apply_retrying,
            (INITIALIZATION, "VALIDATED"): appliers.apply_validated,
            (INITIALIZATION, "INITIALIZED"): appliers.apply_initialized,
            (INITIALIZATION, "FAILED"): appliers.apply_initialization_failed,
            (CHUNK, "CREATED"): appliers.apply_chunk,
            (EXECUTION, "EXECUTED"): appliers.apply_executed,
            (EXECUTION, "CONTINUED"): appliers.apply_continued,
            (EXECUTION, "PAUSED"): appliers.apply_paused,
            **{(EXECUTION, intent): apply_yielding for intent in ("YIELDING", "YIELDING_ENDED")},
            (LATENCY, "MEASURED"): apply_measured,
            (ITEM, "RETRYING"): appliers.apply_retrying_item,
            **{(ITEM, intent): partial(appliers.apply_outcome, intent) for intent in appliers.COUNTERS},
            (MANAGEMENT, "SUSPENDED"): appliers.apply_suspended,
            (MANAGEMENT, "RESUMED"): appliers.apply_resumed,
            (MANAGEMENT, "CANCELING"): appliers.apply_canceling,
            (MANAGEMENT, "UPDATED"): appliers.apply_updated,
            (MANAGEMENT, "RESOLVING_INCIDENTS"): apply_nothing,
            (incidents.FAMILY, "CREATED"): incidents.apply_created,
            (incidents.FAMILY, "RESOLVED"): incidents.apply_resolved,
            **{(MANAGEMENT, state): partial(ended.apply_final, state) for state in FINAL_STATES},
            (MANAGEMENT, "SCHEDULED"): ended.apply_scheduled,
            (MANAGEMENT, "JUDGED"): appliers.apply_judged,
            (MANAGEMENT, "APPROVED"): ended.apply_approved,
            (MANAGEMENT, "DELETING"): ended.apply_deleting,
            (MANAGEMENT, "DELETED"): ended.apply_deleted,
            (PARTITION_LIFECYCLE, "PARTITION_COMPLETED"): partial(appliers.apply_report, False),
            (PARTITION_LIFECYCLE, "PARTITION_CANCELED"): partial(appliers.apply_report, False),
            (PARTITION_LIFECYCLE, "PARTITION_FAILED"): partial(appliers.apply_report, True),
            (PARTITION_LIFECYCLE, VALIDATED): appliers.apply_partition_validated,
            (PARTITION_LIFECYCLE, "PARTITION_REPORTED"): appliers.apply_progress_report,
            (PARTITION_LIFECYCLE, "PARTITION_PACED"): appliers.apply_paced,
            (PARTITION_LIFECYCLE, CHECKED): apply_checked,
            (PARTITION_LIFECYCLE, ANSWERED): apply_answered,
            (PARTITION_LIFECYCLE, GIVEN_UP): partial(appliers.apply_report, True),  # with the counts told last
            (WEBHOOK, "WEBHOOK_RETRYING"): apply_webhook_retrying,
            (WEBHOOK, "WEBHOOK_DELIVERED"): apply_webhook_ended,
            (WEBHOOK, "WEBHOOK_FAILED"): apply_webhook_ended,
        },
        timers={WAKE: wake, RETENTION: expire, SILENCE: look},
        follow_ups={ITEM_DONE: item_done},
        tables=table_values(
            *(BATCHES, PROGRESS, CHUNKS, REPORTS, INITIALIZING, RETRIES, ENDED_BATCHES, RETRIED_BY, FACTS),
            *(PLAN_ROWS, PLANS),
            *(WEBHOOKS, INCIDENTS, YIELDING, SILENCES),
        ),
    )
