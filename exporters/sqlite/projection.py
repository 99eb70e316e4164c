"""Process instances and what belongs to them, but user tasks: which record changes which row.

Rule: intents are looked at first; what is not listed here changes nothing. Nothing is inferred: every value is in a
record.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import astuple

from engine.core.record import Record
from engine.records.form import Form
from engine.records.incident import Incident
from engine.records.job import Job
from engine.records.process import Process
from engine.records.process_instance import ProcessInstance
from engine.records.process_instance_business_id import ProcessInstanceBusinessId
from engine.records.variable import Variable
from exporters.facts import java_hash, job_state, key_given
from exporters.forms import form_row

from .counts import INSTANCES, Counts
from .initial_values import InitialValues
from .tables import CLEARED, Links, Table, Value

MULTI_INSTANCE_BODY = "MULTI_INSTANCE_BODY"

#: value type, intent -> what to do with such a record and its value
Handlers = Mapping[tuple[str, str], Callable[[Record, Any], None]]

#: What a migration changes in a row.
MOVING = ("definition_key", "element_id")
JOB_CHANGING = (
    "state",
    "last_update_time",
    "retries",
    "priority",
    "worker",
    "deadline",
    "error_code",
    "error_message",
    "end_time",
)


class Projection:
    """Projects processes, instances, variables, jobs and incidents; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._process_instances = Table(
            connection,
            "process_instances",
            ("state", "end_date", "business_id", "definition_key", "root_key"),
            ("parent_key", "parent_element_key"),
        )
        self._element_instances = Table(connection, "element_instances", ("state", "end_date", *MOVING))
        self._variables = Table(connection, "variables", ("value", "definition_key"))
        self._initial_values = InitialValues(connection)
        self._jobs = Table(connection, "jobs", (*JOB_CHANGING, *MOVING))
        self._incidents = Table(connection, "incidents", ("state", *MOVING))
        self._forms = Links(connection, "forms")
        self._definitions = Table(connection, "definitions", ())
        self._elements: list[tuple[int, str, str | None]] = []
        self._tags = Links(connection, "tags")
        self._sequence_flows = Links(connection, "sequence_flows")
        self._counts = Counts(connection)

    def handlers(self) -> Handlers:
        """value type, intent -> what to do with such a record"""
        return {
            ("FORM", "CREATED"): self._form,
            ("PROCESS", "CREATED"): self._process,
            ("PROCESS_INSTANCE", "ELEMENT_ACTIVATING"): self._activating,
            ("PROCESS_INSTANCE", "ELEMENT_COMPLETED"): self._completed,
            ("PROCESS_INSTANCE", "ELEMENT_TERMINATED"): self._terminated,
            ("PROCESS_INSTANCE", "SUSPENDED"): self._suspended,
            ("PROCESS_INSTANCE", "RESUMED"): self._resumed,
            ("PROCESS_INSTANCE", "DETACHED"): self._detached,
            ("PROCESS_INSTANCE", "ELEMENT_MIGRATED"): self._element_migrated,
            ("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN"): self._sequence_flow_taken,
            ("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGNED"): self._business_id_assigned,
            ("VARIABLE", "CREATED"): self._variable_created,
            ("VARIABLE", "UPDATED"): self._variable_updated,
            ("VARIABLE", "MIGRATED"): self._variable_migrated,
            ("JOB", "CREATED"): self._job_created,
            ("JOB", "ACTIVATED"): self._job_activated,
            ("JOB", "COMPLETED"): self._job_ended,
            ("JOB", "CANCELED"): self._job_ended,
            ("JOB", "ERROR_THROWN"): self._job_error_thrown,
            ("JOB", "FAILED"): self._job_failed,
            ("JOB", "TIMED_OUT"): self._job_timed_out,
            ("JOB", "RECURRED_AFTER_BACKOFF"): self._job_recurred,
            ("JOB", "UPDATED"): self._job_updated,
            ("JOB", "MIGRATED"): self._job_migrated,
            ("INCIDENT", "CREATED"): self._incident_created,
            ("INCIDENT", "MIGRATED"): self._incident_migrated,
            ("INCIDENT", "RESOLVED"): self._incident_resolved,
        }

    def write(self, partition: int) -> None:
        """Write what is pending."""
        self._initial_values.write()
        for table in self._tables():
            table.write()
        if self._elements:
            self._connection.executemany("INSERT OR REPLACE INTO elements VALUES (?, ?, ?)", self._elements)
        self._counts.write(partition)

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        self._initial_values.clear()
        for table in self._tables():
            table.clear()
        self._elements.clear()
        self._counts.clear()

    def _tables(self) -> tuple[Table | Links, ...]:
        return (
            self._forms,
            self._definitions,
            self._process_instances,
            self._tags,
            self._element_instances,
            self._sequence_flows,
            self._variables,
            self._jobs,
            self._incidents,
        )

    def _form(self, record: Record, value: Form) -> None:
        self._forms.rows.append(astuple(form_row(record, value)))

    def _process(self, record: Record, value: Process) -> None:
        key = record.key
        names = (value.version_tag or None, value.name or None)
        row: list[Value] = [key, value.bpmn_process_id, value.bpmn_version, *names]
        row += [value.resource_name, value.resource, value.deployment_key, value.start_form_id or None]
        self._definitions.add(row, key)
        self._elements += [(key, element.element_id, element.name or None) for element in value.elements]

    def _activating(self, record: Record, value: ProcessInstance) -> None:
        key = record.key
        started = record.step.timestamp
        definition = value.process_definition_key
        root = value.root_process_instance_key
        if value.element_type != "PROCESS":
            scope = value.flow_scope_key
            element = (value.element_id, value.element_type)
            self._element_instances.add(
                [key, value.process_instance_key, definition, root, scope, *element, "ACTIVE", started, None], key
            )
            self._count(definition, value, "ACTIVE")
            return
        parents = (key_given(value.parent_process_instance_key), key_given(value.parent_element_instance_key))
        tags = None
        if value.tags:
            tags = msgspec.json.encode(value.tags).decode()
            self._tags.rows += [(tag, key) for tag in value.tags]
        row: list[Value] = [key, definition, "ACTIVE", started, None, *parents, root, tags, value.business_id or None]
        self._process_instances.add([*row, key_given(value.restarted_process_instance_key)], key)
        self._counts.add("process_instances.ACTIVE")
        self._counts.element(definition, INSTANCES, "ACTIVE")

    def _completed(self, record: Record, value: ProcessInstance) -> None:
        self._end(record, value, "COMPLETED")

    def _terminated(self, record: Record, value: ProcessInstance) -> None:
        self._end(record, value, "TERMINATED")

    def _end(self, record: Record, value: ProcessInstance, state: str) -> None:
        definition = value.process_definition_key
        if value.element_type != "PROCESS":
            self._element_instances.change(record.key, state, record.step.timestamp, None, None)
            self._count(definition, value, state)
            return
        self._change_instance(record.key, state=state, end_date=record.step.timestamp)
        self._counts.add("process_instances.ACTIVE", -1)
        self._counts.add(f"process_instances.{state}")
        self._counts.element(definition, INSTANCES, state)

    def _change_instance(
        self,
        key: int,
        *,
        state: str | None = None,
        end_date: int | None = None,
        business_id: str | None = None,
        definition_key: int | None = None,
    ) -> None:
        self._process_instances.change(key, state, end_date, business_id, definition_key, None, None, None)

    def _detached(self, record: Record, _: ProcessInstance) -> None:
        self._process_instances.change(record.key, None, None, None, None, record.key, CLEARED, CLEARED)

    def _suspended(self, record: Record, _: ProcessInstance) -> None:
        self._change_instance(record.key, state="SUSPENDED")

    def _resumed(self, record: Record, _: ProcessInstance) -> None:
        self._change_instance(record.key, state="ACTIVE")

    def _element_migrated(self, record: Record, value: ProcessInstance) -> None:
        definition, element = value.process_definition_key, value.element_id
        if value.element_type == "PROCESS":
            self._change_instance(record.key, definition_key=definition)
            self._counts.move((value.source_process_definition_key, INSTANCES), (definition, INSTANCES))
            return
        self._element_instances.change(record.key, None, None, definition, element)
        if value.element_type != MULTI_INSTANCE_BODY:
            self._counts.move((value.source_process_definition_key, value.source_element_id), (definition, element))

    def _count(self, definition: int, value: ProcessInstance, state: str) -> None:
        """An element instance is in this state now; bodies are not counted, see `exporters/search/reports.py`."""
        if value.element_type != MULTI_INSTANCE_BODY:
            self._counts.element(definition, value.element_id, state)

    def _sequence_flow_taken(self, _: Record, value: ProcessInstance) -> None:
        self._sequence_flows.rows.append((value.process_instance_key, value.element_id))

    def _business_id_assigned(self, record: Record, value: ProcessInstanceBusinessId) -> None:
        self._change_instance(record.key, business_id=value.business_id)

    def _variable_created(self, record: Record, value: Variable) -> None:
        key = record.key
        owner = (value.scope_key, value.process_instance_key, value.root_process_instance_key)
        definition = value.process_definition_key
        self._variables.add([key, value.name, value.value, *owner, definition, int(value.initial)], key)
        if value.initial:
            self._initial_values.begin(key, value.value)
        self._counts.variable(definition, value.name)

    def _variable_migrated(self, record: Record, value: Variable) -> None:
        """The definition that it comes from keeps the name: nobody counts who had it there."""
        self._variables.change(record.key, None, value.process_definition_key)
        self._counts.variable(value.process_definition_key, value.name)

    def _variable_updated(self, record: Record, value: Variable) -> None:
        self._initial_values.change(record.key)
        self._variables.change(record.key, value.value, None)

    def _job_created(self, record: Record, value: Job) -> None:
        key = record.key
        created = record.step.timestamp
        row: list[Value] = [key, value.type, value.kind, "CREATED", value.retries, value.priority, "", -1]
        row += [
            value.custom_headers,
            "",
            "",
            value.process_instance_key,
            value.process_definition_key,
            value.element_id,
            value.element_instance_key,
        ]
        self._jobs.add([*row, value.root_process_instance_key, created, created, None], key)
        self._counts.add("jobs.CREATED")

    def _change_job(
        self,
        record: Record,
        state: str | None,
        *,
        retries: int | None = None,
        priority: int | None = None,
        worker: str | None = None,
        deadline: int | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
        end_time: int | None = None,
    ) -> None:
        values = (
            state,
            record.step.timestamp,
            retries,
            priority,
            worker,
            deadline,
            error_code,
            error_message,
            end_time,
        )
        self._jobs.change(record.key, *values, None, None)

    def _job_activated(self, record: Record, value: Job) -> None:
        # as in Camunda 8 the state stays: the API has none for it
        self._change_job(record, None, worker=value.worker, deadline=value.deadline)

    def _job_ended(self, record: Record, _: Job) -> None:
        now = record.step.timestamp
        self._jobs.change(record.key, record.intent, now, None, None, None, None, None, None, now, None, None)

    def _job_migrated(self, record: Record, value: Job) -> None:
        # the state stays, so that a job that failed is found as one
        now, moved = record.step.timestamp, (value.process_definition_key, value.element_id)
        self._jobs.change(record.key, None, now, None, None, None, None, None, None, None, *moved)

    def _job_error_thrown(self, record: Record, value: Job) -> None:
        code, message = value.error_code, value.error_message
        now = record.step.timestamp
        self._change_job(record, "ERROR_THROWN", error_code=code, error_message=message, end_time=now)

    def _job_failed(self, record: Record, value: Job) -> None:
        message = value.error_message
        self._change_job(record, "FAILED", retries=value.retries, deadline=value.deadline, error_message=message)

    def _job_timed_out(self, record: Record, _: Job) -> None:
        self._change_job(record, "TIMED_OUT", deadline=-1)

    def _job_recurred(self, record: Record, _: Job) -> None:
        self._change_job(record, None, deadline=-1)

    def _job_updated(self, record: Record, value: Job) -> None:
        changed = value.changed_attributes
        self._change_job(
            record,
            job_state(changed),
            retries=value.retries if "retries" in changed else None,
            priority=value.priority if "priority" in changed else None,
            deadline=value.deadline if "timeout" in changed else None,
        )

    def _incident_created(self, record: Record, value: Incident) -> None:
        key = record.key
        message = value.error_message
        row: list[Value] = [key, value.error_type, message, java_hash(message), "ACTIVE", record.step.timestamp]
        row += [value.process_instance_key, value.process_definition_key, value.element_id, value.element_instance_key]
        self._incidents.add([*row, key_given(value.job_key), value.root_process_instance_key], key)
        self._counts.add("incidents.ACTIVE")

    def _incident_migrated(self, record: Record, value: Incident) -> None:
        self._incidents.change(record.key, None, value.process_definition_key, value.element_id)

    def _incident_resolved(self, record: Record, _: Incident) -> None:
        self._incidents.change(record.key, "RESOLVED", None, None)
        self._counts.add("incidents.ACTIVE", -1)
        self._counts.add("incidents.RESOLVED")
