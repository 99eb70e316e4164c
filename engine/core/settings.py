"""Every setting that the machine reads. They reach it as an event on the log, never from a file or the environment."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

COUNT_MAX = (1 << 31) - 1
DELAY_MS_MAX = 366 * 24 * 3_600_000
#: A hundred years.
HISTORY_MS_MAX = 100 * DELAY_MS_MAX
#: What the machine can decide with, from and to; the settings of an installation are within it.
LIMITS: Mapping[str, tuple[float, float]] = {
    "chunk_size": (1, COUNT_MAX),
    "db_chunk_size": (1, COUNT_MAX),
    "query_page_size": (1, COUNT_MAX),
    "query_retry_max": (0, COUNT_MAX),
    "query_retry_initial_delay_ms": (0, DELAY_MS_MAX),
    "query_retry_max_delay_ms": (1, DELAY_MS_MAX),
    "query_retry_backoff_factor": (1, 100),
    "slice_size": (1, 1_000),
    "slice_effects_max": (1, 10_000),
    "invocations_per_batch_job": (1, 1_000),
    "batch_jobs_per_seed": (0, COUNT_MAX),
    "batch_poll_time_ms": (1, DELAY_MS_MAX),
    "yield_latency_ms": (0, DELAY_MS_MAX),
    "yield_pause_max_ms": (1, 5_000),
    "partition_silence_max_ms": (0, DELAY_MS_MAX),
    "synchronous_items_max": (1, 1_000),
    "undo_size_max": (0, 1024 * 1024),
    "retention_ms": (0, DELAY_MS_MAX),
    "history_time_to_live_ms": (0, HISTORY_MS_MAX),
    "approval_items_min": (0, COUNT_MAX),
    "step_effects_max": (1, 10_000),
    "migration_effects_max": (1, 40_000),
    "continuation_rounds_max": (1, COUNT_MAX),
    "call_depth_max": (1, 100_000),
    "due_per_tick_max": (1, 10_000),
    "jobs_per_activation_max": (1, 10_000),
    "activation_size_max": (1, COUNT_MAX),
    "idempotency_timeout_ms": (1, DELAY_MS_MAX),
}


class MachineSettings(Struct, frozen=True, kw_only=True):
    """Defaults hold until the first SETTINGS UPDATED event of a partition. Durations in milliseconds."""

    # batch operations: the seeds' table
    chunk_size: int = 1000
    db_chunk_size: int = 3500
    query_page_size: int = 10_000
    query_retry_max: int = 3
    query_retry_initial_delay_ms: int = 1_000
    query_retry_max_delay_ms: int = 60_000
    query_retry_backoff_factor: float = 2.0
    #: items that one EXECUTE handles
    slice_size: int = 20
    #: effects at which it ends earlier, unless its batch operation has a size of its own
    slice_effects_max: int = 80
    #: items that succeed or fail together
    invocations_per_batch_job: int = 1
    #: as many of these groups does one query look for items for; 0: `query_page_size` alone says how many
    batch_jobs_per_seed: int = 0
    #: longest time between two reports of a partition to the lead partition while it executes
    batch_poll_time_ms: int = 1_000
    #: slices are further apart while 95 of 100 clients' commands take longer than this; 0: never
    yield_latency_ms: int = 100
    #: as far at most
    yield_pause_max_ms: int = 1_000
    #: a partition that tells its lead partition nothing for so long, also when it is asked, is given up; 0: never
    partition_silence_max_ms: int = 600_000
    #: True: an item whose target has vanished since initialization is SKIPPED (Camunda 8), not FAILED (the seeds)
    skip_vanished_items: bool = False
    #: items that are done at once, all or none, without a batch operation
    synchronous_items_max: int = 100
    #: bytes that an item keeps of what it replaced; one that replaced more cannot be undone
    undo_size_max: int = 16 * 1024
    #: how long a batch operation that has ended is kept, 0 for ever; of those types that are named, another time
    retention_ms: int = 30 * 24 * 3_600_000
    retention_by_type_ms: dict[str, int] = {}
    #: plans of so many items, and of these types, need another user's approval; 0 and none: no plan does
    approval_items_min: int = 0
    approval_types: tuple[str, ...] = ()
    #: True: every batch operation says why it is done
    batch_reason_required: bool = False

    # process instances
    #: how long after its end history is kept when its removal time is calculated; 0: that is not set
    history_time_to_live_ms: int = 0
    #: effects of one process instance in one step before it pauses and others run; a large one counts as several,
    #: one more for every 4 KiB
    step_effects_max: int = 1_000
    #: the same of a migration, which never pauses
    migration_effects_max: int = 10_000
    #: pauses in a row without a wait state before an incident is raised
    continuation_rounds_max: int = 100
    #: process instances that call each other, the root one among them, before an incident is raised
    call_depth_max: int = 1_000
    #: True: two active root instances of a process cannot have the same business id (on a partition)
    business_id_uniqueness: bool = False
    #: due timers that one tick handles
    due_per_tick_max: int = 100
    #: jobs that one activation gives out
    jobs_per_activation_max: int = 1_000
    #: bytes of variables in one activation's answer
    activation_size_max: int = 4_000_000

    #: how long the outcome of a command with an idempotency key is remembered
    idempotency_timeout_ms: int = 3_600_000
    #: True: clients' commands, and items of batch operations, need authorizations of those who ask for them
    authorization_enabled: bool = False
    #: names of changes in behaviour that are switched on; a log decides the same way for ever
    flags: tuple[str, ...] = ()


def problems_of(settings: MachineSettings) -> list[str]:
    """What the machine cannot decide with."""
    problems = [
        f"{name}: expected from {low} to {high}, got {value}"
        for name, (low, high) in LIMITS.items()
        if not low <= (value := getattr(settings, name)) <= high
    ]
    low, high = LIMITS["retention_ms"]
    problems += [
        f"retention_by_type_ms.{name}: expected from {low} to {high}, got {value}"
        for name, value in settings.retention_by_type_ms.items()
        if not low <= value <= high
    ]
    return problems
