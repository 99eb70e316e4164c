"""Batch operations as a part of the engine, for a set of operation types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from msgspec import Struct

from engine.core.effects import Effects
from engine.core.faults import INVALID_ARGUMENT, BadRequest, Reject
from engine.core.record import Record
from engine.core.registry import Part, table_values
from engine.core.state import View
from engine.records import BatchOperationCreation

from . import appliers
from .authorization import Authorize, allow_all
from .execution import ITEM, ITEM_DONE, execute, item_done
from .initialization import CHUNK, INITIALIZATION, change_page_size, create_chunks, fail
from .lifecycle import (
    CREATION,
    EXECUTION,
    MANAGEMENT,
    PARTITION_LIFECYCLE,
    create,
    manage,
    refuse_bad_creation,
    take_report,
)
from .operation import Operation
from .tables import BATCHES, CHUNKS, INITIALIZING, PROGRESS, REPORTS, Batch

#: Decodes the parameters of the operation with this name. Raises BadRequest.
DecodeParameters = Callable[[str, bytes], Struct]


def part(
    operations: Mapping[str, Operation], decode_parameters: DecodeParameters, authorize: Authorize = allow_all
) -> Part:
    """Batch operations of these types; `decode_parameters` knows their schemas."""

    def parameters_of(name: str, data: bytes) -> Struct:
        try:
            return decode_parameters(name, data)
        except BadRequest as error:
            raise Reject(INVALID_ARGUMENT, f"parameters of {name}: {error.message}") from None

    def process_create(command: Record, view: View) -> Effects:
        wish = cast(BatchOperationCreation, command.value)
        if command.step.sender_partition == 0:  # a partition that follows may have none of the keys
            refuse_bad_creation(wish, operations)
        operation = operations[wish.batch_operation_type]
        problems = operation.check(parameters_of(operation.name, wish.parameters))
        if problems:
            raise Reject(INVALID_ARGUMENT, "; ".join(problems))
        yield from create(command, view)

    def open_operation(batch: Batch) -> tuple[Operation, Struct]:
        return operations[batch.type], decode_parameters(batch.type, batch.parameters)

    return Part(
        processors={
            (CREATION, "CREATE"): process_create,
            (INITIALIZATION, "INITIALIZE"): change_page_size,
            (INITIALIZATION, "FAIL"): fail,
            (CHUNK, "CREATE"): create_chunks,
            (EXECUTION, "EXECUTE"): partial(execute, open_operation, authorize),
            **{(MANAGEMENT, intent): manage for intent in ("SUSPEND", "RESUME", "CANCEL")},
            **{(PARTITION_LIFECYCLE, f"{kind}_PARTITION"): take_report for kind in ("COMPLETE", "FAIL", "CANCEL")},
        },
        appliers={
            (CREATION, "CREATED"): appliers.apply_created,
            (INITIALIZATION, "INITIALIZING"): appliers.apply_initializing,
            (INITIALIZATION, "RETRYING"): appliers.apply_retrying,
            (INITIALIZATION, "INITIALIZED"): appliers.apply_initialized,
            (INITIALIZATION, "FAILED"): appliers.apply_initialization_failed,
            (CHUNK, "CREATED"): appliers.apply_chunk,
            (EXECUTION, "EXECUTED"): appliers.apply_executed,
            **{(ITEM, name): partial(appliers.apply_outcome, counter) for name, counter in appliers.COUNTERS.items()},
            (MANAGEMENT, "SUSPENDED"): appliers.apply_suspended,
            (MANAGEMENT, "RESUMED"): appliers.apply_resumed,
            (MANAGEMENT, "CANCELING"): appliers.apply_canceling,
            **{(MANAGEMENT, intent): appliers.apply_final for intent in FINAL_STATES},
            (PARTITION_LIFECYCLE, "PARTITION_COMPLETED"): partial(appliers.apply_report, False),
            (PARTITION_LIFECYCLE, "PARTITION_CANCELED"): partial(appliers.apply_report, False),
            (PARTITION_LIFECYCLE, "PARTITION_FAILED"): partial(appliers.apply_report, True),
        },
        follow_ups={ITEM_DONE: item_done},
        tables=table_values(BATCHES, PROGRESS, CHUNKS, REPORTS, INITIALIZING),
    )


FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")
