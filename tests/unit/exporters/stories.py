"""Events of a partition as its processor would write them: a story is told step by step, positions count themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.core.record import EVENT, Record, Step, first_key
from engine.records import FAMILIES
from engine.records.batch_error import BatchError
from engine.records.batch_operation_chunk import BatchItem
from engine.records.decision_evaluation import EvaluatedDecision, EvaluatedInput, EvaluatedOutput, MatchedRule
from engine.records.process import ProcessElement
from engine.shell.manual_clock import ManualClock
from exporters.contract import Exporter
from exporters.search import SearchStore
from exporters.sqlite import SqliteExporter, SqliteSearch

START = 1_767_225_600_000
DEFINITION = first_key(1) + 1
#: Properties of a batch operation that Camunda 8 does not have, apart from counts.
BATCH_EXTRAS = (
    "creationDate",
    "name",
    "labels",
    "reason",
    "startAt",
    "parentBatchOperationKey",
    "undoes",
    "rate",
    "sliceSize",
    "maxFailures",
    "retryPolicy",
    "webhook",
    "keepPlan",
    "undoable",
    "dryRun",
    "planBatchOperationKey",
    "approvedBy",
    "suspensionReason",
    "heldPhases",
    "incidentsCount",
    "pauseWindows",
    "pausedUntil",
    "yieldingSince",
    "silentSince",
    "warning",
)


class Story:
    """The events of one partition. `steps` are the whole steps; time passes by one second a step."""

    def __init__(self, partition: int = 1) -> None:
        self.partition = partition
        self.steps: list[list[Record]] = []
        self.position = 0
        self.next_key = first_key(partition) + 100
        #: process instance -> the one that called it first of all
        self._roots: dict[int, int] = {}
        self._incidents: dict[int, dict[str, Any]] = {}
        self._user_tasks: dict[int, dict[str, Any]] = {}

    def key(self) -> int:
        """A new key of this partition."""
        self.next_key += 1
        return self.next_key

    def step(self, *events: tuple[str, str, int, dict[str, Any]]) -> list[Record]:
        """One step of events: value type, intent, key, fields of the value."""
        timestamp = START + 1000 * len(self.steps)
        step = Step(partition_id=self.partition, step_count=len(events), timestamp=timestamp)
        records = [
            Record(
                position=self.position + 1 + index,
                index=index,
                step=step,
                record_type=EVENT,
                intent=intent,
                key=key,
                value_type=value_type,
                value=FAMILIES[value_type](**fields),
            )
            for index, (value_type, intent, key, fields) in enumerate(events)
        ]
        self.position += len(events)
        self.steps.append(records)
        return records

    def now(self) -> str:
        """The date of the last step as documents show it."""
        return date(len(self.steps) - 1)

    def define(self, process_id: str = "order", version: int = 1, key: int = DEFINITION, **fields: Any) -> int:
        """A process definition with one task."""
        elements = (ProcessElement(element_id="task", name="Pay it", element_type="SERVICE_TASK"),)
        value = {"bpmn_process_id": process_id, "bpmn_version": version, "elements": elements, "resource": b"<bpmn/>"}
        self.step(("PROCESS", "CREATED", key, {**value, "resource_name": "order.bpmn", **fields}))
        return key

    def wait_for_messages(self) -> None:
        """A subscription that was given a message, one that waits, and a message that started an instance."""
        instance, element, started, message = (self.key() for _ in range(4))
        place = {"process_definition_key": DEFINITION, "bpmn_process_id": "order", "message_name": "paid"}
        here = {**place, "element_id": "task", "correlation_key": "k", "element_instance_key": element}
        here |= {"process_instance_key": instance, "root_process_instance_key": instance}
        for intents in (("CREATED", "CORRELATED"), ("CREATED",)):
            key = self.key()
            for intent in intents:
                self.step(("PROCESS_MESSAGE_SUBSCRIPTION", intent, key, {**here, "message_key": message}))
        start, key = {**place, "start_event_id": "start"}, self.key()
        self.step(("MESSAGE_START_EVENT_SUBSCRIPTION", "CREATED", key, start))
        given = {**start, "message_key": message, "process_instance_key": started}
        self.step(("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED", key, given))

    def define_form(self, form_id: str = "paying", version: int = 1, **fields: Any) -> int:
        """A form; gives its key."""
        key = self.key()
        value = {"form_id": form_id, "form_version": version, "resource": b'{"id":"paying"}', **fields}
        self.step(("FORM", "CREATED", key, value))
        return key

    def identities(self) -> None:
        """A user in a group that is authorized, and a client in it."""
        user, group, authorization = self.key(), self.key(), self.key()
        of_user = {"username": "ada", "name": "Ada", "password_hash": "$argon2id$hash"}
        members = [("USER", "ada"), ("CLIENT", "worker")]
        self.step(
            ("USER", "CREATED", user, of_user),
            ("GROUP", "CREATED", group, {"group_id": "operators", "name": "Operators"}),
            *(
                ("GROUP", "MEMBER_ADDED", self.key(), {"group_id": "operators", "member_type": type_, "member_id": id_})
                for type_, id_ in members
            ),
        )
        wish = {"owner_type": "GROUP", "owner_id": "operators", "resource_type": "BATCH", "resource_id": "*"}
        self.step(("AUTHORIZATION", "CREATED", authorization, {**wish, "permission_types": ("CREATE", "READ")}))

    def define_decision(self, decision_id: str = "dish", version: int = 1, name: str = "Dish") -> tuple[int, int]:
        """A DMN file with one decision; gives the keys of the decision and of the file."""
        requirements, decision = self.key(), self.key()
        of_file = {"decision_requirements_id": "menu", "decision_requirements_name": "Menu"}
        of_file |= {"decision_requirements_version": version}
        value = {"decision_id": decision_id, "decision_name": name, "decision_version": version}
        file = {"resource_name": "menu.dmn", "resource": b"<dmn/>"}
        around = {"decision_requirements_key": requirements}
        self.step(
            ("DECISION_REQUIREMENTS", "CREATED", requirements, {**of_file, **file}),
            ("DECISION", "CREATED", decision, {**value, **of_file, **around}),
        )
        return decision, requirements

    def evaluate(self, decision: int, requirements: int, *, failure: str = "", **fields: Any) -> int:
        """An evaluation of two decisions, of which the second fails if there is a failure; gives its key."""
        key = self.key()
        inputs = (EvaluatedInput(input_id="i", input_name="Season", input_value='"winter"'),)
        outputs = (EvaluatedOutput(output_id="o", output_name="Dish", output_value='"roast"'),)
        rules = (MatchedRule(rule_id="r", rule_index=1, evaluated_outputs=outputs),)
        named: dict[str, Any] = {
            "decision_key": decision,
            "decision_id": "dish",
            "decision_name": "Dish",
            "decision_version": 1,
        }
        evaluated = (
            EvaluatedDecision(**named, decision_type="LITERAL_EXPRESSION", decision_output="1"),
            EvaluatedDecision(
                **named,
                decision_type="DECISION_TABLE",
                decision_output="null" if failure else '"roast"',
                evaluated_inputs=inputs,
                matched_rules=rules,
            ),
        )
        value = {**named, "decision_requirements_key": requirements, "evaluated_decisions": evaluated, **fields}
        value["evaluation_failure_message"] = failure
        self.step(("DECISION_EVALUATION", "FAILED" if failure else "EVALUATED", key, value))
        return key

    def start(self, definition: int = DEFINITION, **fields: Any) -> tuple[int, int, int]:
        """An instance that waits in its task; gives its key, the task's and the job's."""
        instance, task, job = self.key(), self.key(), self.key()
        self._roots[instance] = fields.get("root_process_instance_key", instance)
        whole = {"element_id": "order", "element_type": "PROCESS", **self.owned(instance, definition), **fields}
        self.step(
            ("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", instance, whole),
            ("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", instance, whole),
            ("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", task, self.task(instance, definition)),
            ("JOB", "CREATED", job, self.job(instance, task, definition)),
        )
        return instance, task, job

    def owned(self, instance: int, definition: int = DEFINITION) -> dict[str, Any]:
        owner = {"process_instance_key": instance, "root_process_instance_key": self._roots.get(instance, instance)}
        return {**owner, "process_definition_key": definition}

    def task(self, instance: int, definition: int = DEFINITION, element_id: str = "task") -> dict[str, Any]:
        element = {"element_id": element_id, "element_type": "SERVICE_TASK", "flow_scope_key": instance}
        return {**element, **self.owned(instance, definition)}

    def job(self, instance: int, task: int, definition: int = DEFINITION) -> dict[str, Any]:
        value = {"type": "pay", "kind": "BPMN_ELEMENT", "retries": 3, "custom_headers": '{"a":"b"}'}
        return {**value, "element_id": "task", "element_instance_key": task, **self.owned(instance, definition)}

    def incident(
        self,
        instance: int,
        task: int,
        message: str = "it broke",
        job: int = -1,
        definition: int = DEFINITION,
        element_id: str = "task",
    ) -> int:
        key = self.key()
        value = {"error_type": "JOB_NO_RETRIES", "error_message": message, "element_id": element_id, "job_key": job}
        owner = {"element_instance_key": task, **self.owned(instance, definition)}
        self._incidents[key] = {**value, **owner}
        self.step(("INCIDENT", "CREATED", key, self._incidents[key]))
        return key

    def resolve(self, incident: int) -> None:
        self.step(("INCIDENT", "RESOLVED", incident, self._incidents[incident]))

    def variable(
        self, instance: int, name: str, value: object, scope: int | None = None, definition: int = DEFINITION
    ) -> int:
        key = self.key()
        fields = {"name": name, "value": msgspec.json.encode(value).decode(), "scope_key": scope or instance}
        self.step(("VARIABLE", "CREATED", key, {**fields, **self.owned(instance, definition)}))
        return key

    def user_task(self, instance: int, scope: int, **fields: Any) -> int:
        """A user task of an element instance."""
        key = self.key()
        value = {"element_id": "task", "element_instance_key": scope, "priority": 50, **self.owned(instance), **fields}
        self._user_tasks[key] = value
        self.step(("USER_TASK", "CREATED", key, value))
        return key

    def change_user_task(self, key: int, intent: str, **changes: Any) -> None:
        """An event of a user task, which carries the whole task."""
        self._user_tasks[key] = {**self._user_tasks[key], **changes}
        self.step(("USER_TASK", intent, key, self._user_tasks[key]))

    def end(self, instance: int, task: int, job: int, how: str = "TERMINATED", definition: int = DEFINITION) -> None:
        whole = {"element_type": "PROCESS", **self.owned(instance, definition)}
        self.step(
            ("JOB", "CANCELED" if how == "TERMINATED" else "COMPLETED", job, self.job(instance, task, definition)),
            ("PROCESS_INSTANCE", f"ELEMENT_{how}", task, self.task(instance, definition)),
            ("PROCESS_INSTANCE", f"ELEMENT_{how}", instance, whole),
        )

    def whole_life(self, decision: tuple[int, int], parent: int = -1) -> int:
        """An instance that has had one of everything, and has ended; gives its key."""
        instance, task, job = self.start(tags=("red", "blue"), business_id="b-7", parent_process_instance_key=parent)
        self.step(("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN", self.key(), {**self.task(instance), "element_id": "f"}))
        for scope in (instance, task):
            self.variable(instance, "secret", "x" * 10_000, scope)
        self.resolve(self.incident(instance, task, job=job))
        self.resolve(self.incident(instance, instance, "in the process itself"))
        self.user_task(instance, task, candidate_groups=("g",), candidate_users=("u",), assignee="ann")
        self.evaluate(*decision, process_instance_key=instance, root_process_instance_key=instance)
        message, waiting, start = self.key(), self.key(), self.key()
        place = {"process_definition_key": DEFINITION, "bpmn_process_id": "order", "message_name": "paid"}
        given = {**place, "message_key": message, "process_instance_key": instance, "correlation_key": "k"}
        for intent in ("CREATED", "CORRELATED", "DELETED"):
            self.step(("PROCESS_MESSAGE_SUBSCRIPTION", intent, waiting, {**given, "element_id": "task"}))
        self.step(("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED", start, {**given, "start_event_id": "start"}))
        self.end(instance, task, job, "COMPLETED")
        return instance

    def delete(self, key: int, resource_type: str = "PROCESS_INSTANCE") -> None:
        """A process instance, or an evaluation, is deleted from secondary storage."""
        value = {"resource_key": key, "resource_type": resource_type}
        self.step(("HISTORY_DELETION", "DELETED", key, value))

    def create_batch(self, batch: int, **fields: Any) -> None:
        value = {"batch_operation_type": "CANCEL_PROCESS_INSTANCE", "lead_partition": 1, "actor_type": "ANONYMOUS"}
        taking_part = {"partition_ids": (self.partition,)}
        self.step(("BATCH_OPERATION_CREATION", "CREATED", batch, {**value, **taking_part, **fields}))

    def find_items(self, batch: int, items: Sequence[int], *, initialized: bool = True) -> None:
        found = tuple(BatchItem(item_key=key, process_instance_key=key, root_process_instance_key=key) for key in items)
        self.step(("BATCH_OPERATION_CHUNK", "CREATED", batch, {"items": found}))
        if initialized:
            self.step(("BATCH_OPERATION_INITIALIZATION", "INITIALIZED", batch, {"total": len(items)}))

    def finish_item(self, batch: int, item: int, intent: str = "COMPLETED", **fields: Any) -> None:
        owner = {"process_instance_key": item, "root_process_instance_key": item}
        value = {"batch_operation_key": batch, "batch_operation_type": "CANCEL_PROCESS_INSTANCE", **owner, **fields}
        self.step(("BATCH_OPERATION_ITEM", intent, item, value))

    def finish_batch(self, batch: int, intent: str, errors: tuple[BatchError, ...] = (), **counts: int) -> None:
        value = {"batch_operation_key": batch, "errors": errors, **counts}
        self.step(("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", intent, batch, value))


def date(step: int) -> str:
    """The date of a step of a story as documents show it."""
    return f"2026-01-01T00:{step // 60:02d}:{step % 60:02d}.000Z"


async def export(exporter: Exporter, *stories: Story) -> None:
    """Export what is not exported yet of these stories, one transaction each."""
    for story in stories:
        records = [record for step in story.steps for record in step]
        await exporter.export(story.partition, records, len(records))


class Asked:
    """What is asked of a search."""

    def __init__(self, exporter: Exporter, search: SearchStore) -> None:
        self.exporter = exporter
        self.search = search

    async def export(self, *stories: Story) -> None:
        await export(self.exporter, *stories)

    async def found(self, entity: str, name: str, **request: Any) -> list[Any]:
        """One property of all that is found."""
        return [item[name] for item in (await self.search.search(entity, request)).items]

    async def document(self, entity: str, key: int) -> dict[str, Any]:
        document = await self.search.get(entity, key)
        assert document is not None, f"{entity} {key} is not there"
        return document


class World(Asked):
    """An exporter and a search over one folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = ManualClock()
        super().__init__(SqliteExporter(folder, **settings), SqliteSearch(folder, self.clock))

    async def __aenter__(self) -> World:
        await self.exporter.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.search.close()
        await self.exporter.close()
