"""The settings of the engine, its gateway, its exporter and what it keeps on a disk."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from engine.core.settings import COUNT_MAX, DELAY_MS_MAX, HISTORY_MS_MAX

from .section import Duration, Pairs, Section, Words

MILLISECOND, DELAY_MAX = timedelta(milliseconds=1), timedelta(milliseconds=DELAY_MS_MAX)
HISTORY_MAX = timedelta(milliseconds=HISTORY_MS_MAX)

#: Above this chunk size there is a warning at the start.
CHUNK_SIZE_DISCOURAGED = 5000


class BatchOperationSettings(Section):
    """The table of the Camunda 8 documentation, "Batch operations: configuration"; what Camunda 7 has; and our own."""

    scheduler_interval: Duration = Field(
        default=timedelta(seconds=1),
        ge=timedelta(0),
        description="Longest time between two looks while background work waits for a retry.",
    )
    chunk_size: int = Field(
        default=1000, gt=0, le=COUNT_MAX, description="Most items in one chunk record. Above 5000 a warning is logged."
    )
    db_chunk_size: int = Field(default=3500, gt=0, le=COUNT_MAX, description="Pending items in one row of the state.")
    query_page_size: int = Field(default=10_000, gt=0, le=100_000, description="Items asked for in one query.")
    query_in_clause_size: int = Field(default=1000, gt=0, description="Most keys in one IN clause of a query.")
    query_retry_max: int = Field(
        default=3, ge=0, le=COUNT_MAX, description="Times a failed query is tried again; 0 for never."
    )
    query_retry_initial_delay: Duration = Field(
        default=timedelta(seconds=1), ge=MILLISECOND, le=DELAY_MAX, description="Delay before the first retry."
    )
    query_retry_max_delay: Duration = Field(
        default=timedelta(seconds=60), ge=MILLISECOND, le=DELAY_MAX, description="Longest delay between retries."
    )
    query_retry_backoff_factor: float = Field(
        default=2.0, ge=1, le=100, description="Factor from one delay to the next."
    )
    slice_size: int = Field(
        default=20, gt=0, le=1000, description="Items that one step handles; smaller is kinder to users' commands."
    )
    slice_effects_max: int = Field(
        default=80,
        gt=0,
        le=10_000,
        description="Effects at which a step ends with fewer items, unless its batch operation has a larger sliceSize.",
    )
    invocations_per_batch_job: int = Field(
        default=1, gt=0, le=1000, description="Items that succeed or fail together; a slice has at least so many."
    )
    batch_jobs_per_seed: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="One query asks for so many times invocationsPerBatchJob items, at most queryPageSize; 0 for that.",
    )
    batch_poll_time: Duration = Field(
        default=timedelta(seconds=1),
        ge=MILLISECOND,
        le=DELAY_MAX,
        description="Longest time between two reports of a partition on a batch operation with a rate or maxFailures.",
    )
    yield_latency: Duration = Field(
        default=timedelta(milliseconds=100),
        ge=timedelta(0),
        le=DELAY_MAX,
        description="Batch work of a partition slows down while 5 % of its clients' commands take longer; 0: never.",
    )
    yield_pause_max: Duration = Field(
        default=timedelta(seconds=1),
        ge=MILLISECOND,
        le=timedelta(seconds=5),
        description="Longest pause between two slices of a partition when its batch work has slowed down.",
    )
    partition_silence_max: Duration = Field(
        default=timedelta(minutes=10),
        ge=timedelta(0),
        le=DELAY_MAX,
        description="A partition that does not answer for so long has its part of a batch operation failed; 0: never.",
    )
    skip_vanished_items: bool = Field(
        default=False, description="An item whose target has vanished is SKIPPED instead of FAILED."
    )
    synchronous_items_max: int = Field(
        default=100,
        gt=0,
        le=1000,
        description="Items that a request can have done at once, all or none; more need a batch operation.",
    )
    undo_size_max: int = Field(
        default=16 * 1024,
        ge=0,
        le=1024 * 1024,
        description="Bytes that an item keeps of what it replaced; one that replaced more cannot be undone.",
    )
    retention: Duration = Field(
        default=timedelta(days=30),
        ge=timedelta(0),
        le=DELAY_MAX,
        description="How long a batch operation that has ended is kept; 0 for ever.",
    )
    retention_by_type: Annotated[dict[str, Duration], Pairs] = Field(
        default={}, description="The same for types of their own, such as CANCEL_PROCESS_INSTANCE."
    )
    approval_items_min: int = Field(
        default=0, ge=0, le=COUNT_MAX, description="Plans of so many items need another user's approval; 0 for none."
    )
    approval_types: Annotated[tuple[str, ...], Words] = Field(
        default=(), description="Plans of these types do, such as CANCEL_PROCESS_INSTANCE."
    )
    reason_required: bool = Field(default=False, description="Whether every batch operation has to say why it is done.")
    watermark_timeout: Duration = Field(
        default=timedelta(seconds=60),
        gt=timedelta(0),
        description="Longest wait until secondary storage has caught up; then it counts as a failed query.",
    )

    @model_validator(mode="after")
    def _delays_in_order(self) -> BatchOperationSettings:
        if self.query_retry_max_delay < self.query_retry_initial_delay:
            raise ValueError("expected queryRetryMaxDelay to be at least queryRetryInitialDelay")
        return self


class ProcessSettings(Section):
    """What bounds a process instance."""

    step_effects_max: int = Field(
        default=1000,
        gt=0,
        le=10_000,
        description="Records of one instance in one step before others run; a large one counts once for every 4 KiB.",
    )
    migration_effects_max: int = Field(
        default=10_000,
        gt=0,
        le=40_000,
        description="Records of one migration, which is one step whatever others wait; a larger one is refused.",
    )
    continuation_rounds_max: int = Field(
        default=100, gt=0, le=COUNT_MAX, description="Steps without a wait state before an incident is raised."
    )
    call_depth_max: int = Field(
        default=1000, gt=0, le=100_000, description="Process instances that call each other, the root one among them."
    )
    due_per_tick_max: int = Field(default=100, gt=0, le=10_000, description="Due timers that one step handles.")
    jobs_per_activation_max: int = Field(
        default=1000, gt=0, le=10_000, description="Most jobs that one activation gives out."
    )
    history_time_to_live: Duration = Field(
        default=timedelta(0),
        ge=timedelta(0),
        le=HISTORY_MAX,
        description="How long after its end history is kept when its removal time is calculated; 0: not set.",
    )
    business_id_uniqueness: bool = Field(
        default=False, description="Whether two active root instances of a process may not have the same business id."
    )


class ExporterBatchOperation(Section):
    export_items_on_creation: bool = Field(
        default=True, description="Whether pending batch items are searchable at once; counts are exact either way."
    )


class ExporterSettings(Section):
    """The projection to secondary storage."""

    batch_operation: ExporterBatchOperation = ExporterBatchOperation()


class GatewaySettings(Section):
    """REST API."""

    in_flight_max: int = Field(
        default=512, gt=0, description="Unanswered commands per partition; beyond it 503 RESOURCE_EXHAUSTED."
    )
    awaiting_max: int = Field(
        default=1000, gt=0, description="Requests that wait for the end of an instance; beyond it 503."
    )
    request_timeout: Duration = Field(
        default=timedelta(seconds=30), gt=timedelta(0), description="Longest wait for an answer of the engine."
    )
    long_polling_timeout: Duration = Field(
        default=timedelta(seconds=10), gt=timedelta(0), description="Wait for jobs when a request does not say."
    )
    idempotency_timeout: Duration = Field(
        default=timedelta(hours=1),
        ge=MILLISECOND,
        le=DELAY_MAX,
        description="How long an Idempotency-Key is remembered.",
    )
    body_size_max: int = Field(default=16 * 1024 * 1024, gt=0, description="Bytes of a JSON body.")


class LogSettings(Section):
    """The embedded log."""

    map_size: int = Field(default=64 * 1024**3, ge=1024**2, description="Most bytes of the log; the file is sparse.")


class StateSettings(Section):
    map_size: int = Field(
        default=16 * 1024**3, ge=1024**2, description="Most bytes of one partition's state; the file is sparse."
    )
