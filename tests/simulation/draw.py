"""What a seed draws before it begins: the installation's size and settings. Small limits meet their edges often."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from engine.config import Settings
from engine.config.sections import (
    BatchOperationSettings,
    ExporterBatchOperation,
    ExporterSettings,
    GatewaySettings,
    ProcessSettings,
)
from engine.config.snapshots import SnapshotSettings
from engine.shell.runner import RunnerLimits
from exporters.pump import PumpLimits
from tests.simulation.authorization import Access


class Drawn(Struct, frozen=True, kw_only=True):
    """See the module's docstring. `seconds`: how long the faults last, in virtual time; `size`: commands of clients.

    `is_traced`: sampled requests become spans. `bugs`: share of decisions that fail.
    """

    settings: Settings
    runner_limits: RunnerLimits
    pump_limits: PumpLimits
    seconds: float
    size: int
    is_traced: bool
    bugs: float
    #: Whether the log is Kafka's.
    is_kafka: bool
    #: Whether secondary storage is OpenSearch.
    is_opensearch: bool
    #: How many machines: several share the brokers and secondary storage.
    machines: int
    #: Who may do what, where that is asked.
    access: Access | None = None
    #: Whether some make plans, and want to be told of ends.
    has_plans: bool = False
    #: Whether some programs have inboxes.
    has_inboxes: bool = False


def draw(chosen: random.Random) -> Drawn:
    """The draw of one seed."""
    partitions = chosen.choice([1, 1, 2, 2, 2, 3, 3, 4, 8])
    is_kafka = chosen.random() < 0.4
    machines = chosen.choice([1, 2, 2, 3]) if is_kafka else 1
    return Drawn(
        settings=Settings(
            partitions=partitions,
            batch_operation=_batch_operations(chosen),
            process=_processes(chosen),
            exporter=ExporterSettings(
                batch_operation=ExporterBatchOperation(export_items_on_creation=chosen.random() < 0.7)
            ),
            gateway=GatewaySettings(
                in_flight_max=chosen.choice([1, 3, 512]),
                request_timeout=_seconds(chosen, 2, 20),
                long_polling_timeout=_seconds(chosen, 1, 10),
                idempotency_timeout=_seconds(chosen, 5, 600),
            ),
            snapshots=_snapshots(chosen),
        ),
        runner_limits=RunnerLimits(
            group_commands_max=chosen.choice([1, 2, 5, 256]),
            group_records_max=chosen.choice([10, 100, 4000]),
            read_size_max=chosen.choice([1, 1000, 1 << 20]),
        ),
        pump_limits=PumpLimits(records_max=chosen.choice([1, 20, 2000]), read_size_max=chosen.choice([1, 1 << 20])),
        seconds=chosen.uniform(3, 20),
        size=chosen.choice([15, 40, 80, 150]),
        is_traced=chosen.random() < 0.3,
        bugs=chosen.choice([0, 0, 0, 0.02, 0.1]),
        is_kafka=is_kafka,
        is_opensearch=machines > 1 or chosen.random() < 0.4,
        machines=machines,
    )


def _snapshots(chosen: random.Random) -> SnapshotSettings:
    return SnapshotSettings(
        directory=Path("snapshots") if chosen.random() < 0.5 else None,
        interval=timedelta(seconds=chosen.choice([1, 2, 5])),
        records_min=chosen.choice([0, 20, 100]),
    )


def _batch_operations(chosen: random.Random) -> BatchOperationSettings:
    return BatchOperationSettings(
        scheduler_interval=_seconds(chosen, 0.05, 1),
        chunk_size=chosen.choice([1, 2, 5, 1000]),
        db_chunk_size=chosen.choice([1, 2, 3, 3500]),
        query_page_size=chosen.choice([1, 3, 10, 10_000]),
        query_retry_max=chosen.choice([0, 1, 3]),
        query_retry_initial_delay=_seconds(chosen, 0.1, 1),
        query_retry_max_delay=_seconds(chosen, 1, 5),
        slice_size=chosen.choice([1, 2, 20]),
        slice_effects_max=chosen.choice([1, 12, 80]),
        skip_vanished_items=chosen.random() < 0.5,
        retention=_seconds(chosen, 0.2, 5) if chosen.random() < 0.3 else timedelta(days=30),
        watermark_timeout=_seconds(chosen, 1, 20),
        partition_silence_max=chosen.choice([timedelta(0), timedelta(minutes=10), _seconds(chosen, 0.1, 2)]),
        yield_latency=timedelta(milliseconds=chosen.choice([0, 1, 100])),
    )


def _processes(chosen: random.Random) -> ProcessSettings:
    effects = chosen.choice([10, 30, 1000])
    return ProcessSettings(
        step_effects_max=effects,
        migration_effects_max=effects,
        continuation_rounds_max=chosen.choice([3, 100]),
        due_per_tick_max=chosen.choice([1, 2, 100]),
        jobs_per_activation_max=chosen.choice([1, 5, 1000]),
        call_depth_max=chosen.choice([2, 1000, 1000]),
    )


def _seconds(chosen: random.Random, low: float, high: float) -> timedelta:
    return timedelta(milliseconds=round(chosen.uniform(low, high) * 1000))
