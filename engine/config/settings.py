"""All settings of an installation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.core.record import PARTITION_MAX
from engine.core.settings import MachineSettings

from .authorization import AuthorizationSettings
from .kafka import KafkaSettings
from .opensearch import OpensearchSettings
from .section import REVEALING, Section, Words, is_loopback
from .sections import (
    CHUNK_SIZE_DISCOURAGED,
    BatchOperationSettings,
    ExporterSettings,
    GatewaySettings,
    LogSettings,
    ProcessSettings,
    StateSettings,
)
from .snapshots import SnapshotSettings
from .telemetry import TelemetrySettings
from .webhooks import WebhookSettings


class Settings(Section):
    """All settings."""

    data: Path = Field(default=Path("data"), description="Directory of the log, the state and the projection.")
    host: str = Field(
        default="127.0.0.1", description="Address to serve at; on others than loopback set authorization.enabled."
    )
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the REST API.")
    roles: Annotated[tuple[Literal["engine", "gateway", "exporter"], ...], Words] = Field(
        default=("engine", "gateway", "exporter"),
        min_length=1,
        description="What this machine does: engine (partitions), gateway (REST), exporter. Kafka only; else all.",
    )
    partitions: int = Field(
        default=2, gt=0, le=min(64, PARTITION_MAX), description="Number of partitions; fixed for the life of the log."
    )
    batch_operation: BatchOperationSettings = BatchOperationSettings()
    process: ProcessSettings = ProcessSettings()
    exporter: ExporterSettings = ExporterSettings()
    gateway: GatewaySettings = GatewaySettings()
    authorization: AuthorizationSettings = AuthorizationSettings()
    webhook: WebhookSettings = WebhookSettings()
    log: LogSettings = LogSettings()
    state: StateSettings = StateSettings()
    kafka: KafkaSettings = KafkaSettings()
    opensearch: OpensearchSettings = OpensearchSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @model_validator(mode="after")
    def _roles_that_fit(self) -> Settings:
        everything = {"engine", "gateway", "exporter"}
        if not self.kafka.bootstrap_servers and set(self.roles) != everything:
            raise ValueError(
                "roles: expected engine, gateway and exporter, for with the embedded log one machine does everything; "
                f"got {', '.join(self.roles)}; leave it out, or set kafka.bootstrapServers"
            )
        if not self.opensearch.url and "exporter" not in self.roles:
            raise ValueError(
                "roles: expected the role exporter, for with SQLite each machine reads a projection of its own; "
                f"got {', '.join(self.roles)}; add it, or set opensearch.url"
            )
        return self

    @model_validator(mode="after")
    def _claims_that_can_be_believed(self) -> Settings:
        authorization = self.authorization
        if (
            self.kafka.bootstrap_servers
            and authorization.enabled
            and not authorization.claims_secret.get_secret_value()
        ):
            raise ValueError(
                "authorization: expected a claimsSecret with Kafka, where others can write commands; set one, the same "
                "on all machines"
            )
        return self

    def machine(self) -> MachineSettings:
        """The settings that reach the machine as an event."""
        batch, process = self.batch_operation, self.process
        return MachineSettings(
            chunk_size=batch.chunk_size,
            db_chunk_size=batch.db_chunk_size,
            query_page_size=batch.query_page_size,
            query_retry_max=batch.query_retry_max,
            query_retry_initial_delay_ms=_milliseconds(batch.query_retry_initial_delay),
            query_retry_max_delay_ms=_milliseconds(batch.query_retry_max_delay),
            query_retry_backoff_factor=batch.query_retry_backoff_factor,
            slice_size=batch.slice_size,
            slice_effects_max=batch.slice_effects_max,
            invocations_per_batch_job=batch.invocations_per_batch_job,
            batch_jobs_per_seed=batch.batch_jobs_per_seed,
            batch_poll_time_ms=_milliseconds(batch.batch_poll_time),
            yield_latency_ms=_milliseconds(batch.yield_latency),
            yield_pause_max_ms=_milliseconds(batch.yield_pause_max),
            partition_silence_max_ms=_milliseconds(batch.partition_silence_max),
            skip_vanished_items=batch.skip_vanished_items,
            synchronous_items_max=batch.synchronous_items_max,
            undo_size_max=batch.undo_size_max,
            retention_ms=_milliseconds(batch.retention),
            retention_by_type_ms={
                name: _milliseconds(retention) for name, retention in sorted(batch.retention_by_type.items())
            },
            history_time_to_live_ms=_milliseconds(process.history_time_to_live),
            approval_items_min=batch.approval_items_min,
            approval_types=tuple(sorted(batch.approval_types)),
            batch_reason_required=batch.reason_required,
            step_effects_max=process.step_effects_max,
            migration_effects_max=process.migration_effects_max,
            continuation_rounds_max=process.continuation_rounds_max,
            call_depth_max=process.call_depth_max,
            due_per_tick_max=process.due_per_tick_max,
            jobs_per_activation_max=process.jobs_per_activation_max,
            business_id_uniqueness=process.business_id_uniqueness,
            authorization_enabled=self.authorization.enabled,
            idempotency_timeout_ms=_milliseconds(self.gateway.idempotency_timeout),
        )

    def warnings(self) -> list[str]:
        """What is allowed and yet better not done."""
        texts = []
        size = self.batch_operation.chunk_size
        if size > CHUNK_SIZE_DISCOURAGED:
            texts.append(
                f"batchOperation.chunkSize is {size}: values above {CHUNK_SIZE_DISCOURAGED} press on exporters and "
                "come near the limit of 4 MiB per record"
            )
        if "gateway" in self.roles and not is_loopback(self.host):
            texts.append(self._warning_of_host())
        batch, tells_apart = self.batch_operation, self.authorization.enabled or self.kafka.inboxes
        if not tells_apart and (batch.approval_items_min or batch.approval_types):
            texts.append(
                "AUTHORIZATION IS OFF, so nobody is told apart and NOBODY CAN APPROVE the plans that "
                "batchOperation.approvalItemsMin or approvalTypes demand; set authorization.enabled, or neither of them"
            )
        return texts + [problem for problem in [self.telemetry.problem()] if problem]

    def _warning_of_host(self) -> str:
        if self.authorization.enabled:
            return (
                f"host is {self.host}: passwords and tokens travel as they are; put a proxy with TLS in front of this "
                "port, and let nobody else reach it"
            )
        return (
            f"AUTHORIZATION IS OFF and host is {self.host}: whoever reaches port {self.port} may do EVERYTHING; set "
            "authorization.enabled, or host to 127.0.0.1"
        )

    def for_processes(self) -> str:
        """JSON with the secrets in it, for the engine's own processes; nobody else may see it."""
        return self.model_dump_json(by_alias=True, context=REVEALING)


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
