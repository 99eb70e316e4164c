"""The composition root of the core: which parts, operations and schemas make up the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

import msgspec
from msgspec import Struct

from engine.batch.backlog import batch_work
from engine.batch.initialization import PART_ITEMS, Initializer
from engine.batch.measures import measured
from engine.batch.operation import Operation
from engine.batch.part import part as batch_part
from engine.batch.quarantine import quarantine as fail_batch_part
from engine.batch.webhooks import Webhooks
from engine.batch.yielding import Yields
from engine.core import generations, system
from engine.core.background import BatchWork
from engine.core.effects import Effects
from engine.core.faults import BadRequest, Reject
from engine.core.head import SCHEMAS
from engine.core.machine import Machine
from engine.core.ports import Store
from engine.core.record import Record, command
from engine.core.registry import Registry
from engine.core.settings import MachineSettings
from engine.core.state import State, View
from engine.core.state_format import state_format
from engine.identity import authorizations, groups, users
from engine.identity.distribution import LEAD
from engine.identity.needs import authorize
from engine.identity.permissions import BEYOND, EVERYTHING, PERMISSIONS, permission_to_create
from engine.identity.tables import GRANTS, USERS
from engine.operations import OPERATIONS
from engine.process import (
    ad_hoc_instructions,
    business_ids,
    calls,
    compensations,
    creation,
    decision_deployments,
    decisions,
    deployments,
    escalations,
    form_deployments,
    history,
    incidents,
    instances,
    jobs,
    message_correlations,
    message_starts,
    message_subscriptions,
    messages,
    migrations,
    modifications,
    multi_instances,
    process_message_subscriptions,
    removals,
    results,
    signals,
    suspensions,
    timers,
    user_tasks,
    variable_documents,
    variables,
)
from engine.records import FAMILIES, Authorization, User
from engine.records.intents import INTENTS
from engine.records.schema import Schema
from engine.records.settings import Settings
from engine.shell.codec import Codec, SchemaIds, Undecodable, ValueCodec


@cache
def build_name() -> str:
    """The name of this build, as it is written on the log."""
    try:
        return f"retold-{version('retold')}"
    except PackageNotFoundError:
        return "retold-source"


class OperationCodecs:
    """The parameters of batch operations, each with its own schema; an operation without schema is refused."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        folder = files("schemas") / "operations"
        self._codecs: dict[str, ValueCodec[Struct]] = {}
        for name, operation in operations.items():
            schema = folder / f"{name.lower()}.avsc"
            if not schema.is_file():
                raise ValueError(f"expected a schema schemas/operations/{name.lower()}.avsc for {name}, got none")
            self._codecs[name] = ValueCodec(schema.read_text(), operation.parameters)

    def encode(self, name: str, parameters: Struct) -> bytes:
        return self._codecs[name].encode(parameters)

    def decode(self, name: str, data: bytes) -> Struct:
        """Raises BadRequest."""
        try:
            return self._codecs[name].decode(data)
        except Undecodable as error:
            raise BadRequest(str(error)) from None


def quarantine(command: Record, refusal: Reject, view: View) -> Effects:
    """Set aside what a failed command belongs to: a part of a batch operation, or a process instance."""
    yield from fail_batch_part(command, refusal, view)
    yield from incidents.quarantine(command, refusal, view)


class Assembly:
    """Everything that is the same in every process of an installation, built once a process.

    `schema_ids`: those of a schema registry, if the installation uses one (`engine.schema_ids`). `part_items`: of a
    page of items that are found, how many come to the log at once.
    """

    def __init__(self, schema_ids: SchemaIds | None = None, part_items: int = PART_ITEMS) -> None:
        self._part_items = part_items
        self.codec = Codec(FAMILIES, ids=schema_ids)
        self.operations = OPERATIONS
        self.operation_codecs = OperationCodecs(OPERATIONS)
        parts = [
            system.PART,
            generations.PART,
            deployments.PART,
            decision_deployments.PART,
            form_deployments.PART,
            decisions.PART,
            creation.PART,
            instances.PART,
            migrations.PART,
            calls.PART,
            compensations.PART,
            results.PART,
            multi_instances.PART,
            ad_hoc_instructions.PART,
            escalations.PART,
            signals.PART,
            suspensions.PART,
            timers.PART,
            messages.PART,
            modifications.PART,
            message_correlations.PART,
            message_subscriptions.PART,
            message_starts.PART,
            process_message_subscriptions.PART,
            business_ids.PART,
            variables.PART,
            variable_documents.PART,
            jobs.PART,
            user_tasks.PART,
            incidents.PART,
            history.PART,
            removals.PART,
            users.PART,
            groups.PART,
            authorizations.PART,
            measured(batch_part(OPERATIONS, self.operation_codecs.decode)),
        ]
        self.registry = Registry([*parts, system.tick_part(parts)], INTENTS, quarantine, authorize)
        self.state_format = state_format(self.registry.tables)

    def machine(self, store: Store, partition: int, partition_count: int) -> tuple[State, Machine]:
        """The state and the machine of a partition over a store."""
        state = State(store, self.registry.tables)
        machine = Machine(
            registry=self.registry,
            state=state,
            encoder=self.codec,
            partition=partition,
            partition_count=partition_count,
            build=build_name(),
        )
        return state, machine

    def administration(self, username: str, password_hash: Callable[[], str], machine: Machine) -> Sequence[Record]:
        """What makes a user who may do everything, where users are decided about and as far as he is not there yet.

        `password_hash()` is empty for a user who only comes with tokens.
        """
        if machine.partition != LEAD:
            return ()
        commands: list[Record] = []
        if machine.get(USERS, username) is None and (hashed := password_hash()):
            commands.append(command("USER", "CREATE", User(username=username, password_hash=hashed)))
        for resource_type, permissions in PERMISSIONS.items():
            if machine.get(GRANTS, "USER", username, resource_type, EVERYTHING) is None:
                wish = Authorization(
                    owner_type="USER",
                    owner_id=username,
                    resource_type=resource_type,
                    resource_id=EVERYTHING,
                    permission_types=tuple(name for name in permissions if name not in BEYOND),
                )
                commands.append(command("AUTHORIZATION", "CREATE", wish))
        return commands

    def permission_to_create(self, operation: str) -> str:
        """That of BATCH for one type alone."""
        return permission_to_create(operation)

    def initializer(self) -> Initializer:
        return Initializer(self.operations, self.operation_codecs.decode, self._part_items)

    def batch_work(self, machine: Machine) -> BatchWork:
        """What batch operations have to do on this partition now."""
        return batch_work(machine)

    def deliveries(self) -> Webhooks:
        return Webhooks()

    def measurements(self) -> Yields:
        return Yields()

    def confirmations(self) -> history.Confirmations:
        return history.Confirmations()

    def prepare(self, settings: MachineSettings, machine: Machine) -> Sequence[Record]:
        """What the machine must learn at the start: settings that changed, and schemas that are not on the log yet."""
        commands: list[Record] = []
        if machine.settings != settings or machine.head.position == 0:
            text = msgspec.json.encode(settings).decode()
            commands.append(command("SETTINGS", "UPDATE", Settings(settings=text)))
        for name, fingerprint in sorted(self.codec.fingerprints.items()):
            if machine.get(SCHEMAS, f"{fingerprint:016x}") is None:
                text = self.codec.schema_texts[name]
                value = Schema(name=name, fingerprint=f"{fingerprint:016x}", text=text)
                commands.append(command("SCHEMA", "REGISTER", value))
        return commands
