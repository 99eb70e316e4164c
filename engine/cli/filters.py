"""Filters of process instances: from options to the JSON of the API (Camunda 8 REST API, ProcessInstanceFilter)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from msgspec import Struct

from . import completion
from .faults import UsageFault
from .options import read_json

Filter = dict[str, Any]


ProcessId = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Process id; * and ? match any text.", autocompletion=completion.process_ids),
]
FilterJson = Annotated[str | None, typer.Option(metavar="JSON", help="A filter object of the REST API, or @FILE.")]


class FilterOptions(Struct, frozen=True, kw_only=True):
    """Which process instances."""

    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="Process instance key; repeat it for several.",
            autocompletion=completion.instance_keys,
        ),
    ] = None
    process_id: ProcessId = None
    version: Annotated[int | None, typer.Option(metavar="N", help="Version of the process.")] = None
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="ACTIVE, SUSPENDED, COMPLETED or TERMINATED."),
    ] = None
    has_incident: Annotated[
        bool | None,
        typer.Option("--has-incident/--no-incident", help="With or without incidents."),
    ] = None
    error_message: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Text of an active incident; * and ? match any text."),
    ] = None
    element_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="An element that has been reached."),
    ] = None
    variable: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=JSON", help="A variable and its value; repeat it."),
    ] = None
    filter: FilterJson = None


def filter_of(options: FilterOptions) -> Filter:
    """The filter object that the options say; empty without any. Raises UsageFault."""
    given = {
        "processInstanceKey": _one_or_many(options.key),
        "processDefinitionId": text_filter(options.process_id),
        "processDefinitionVersion": options.version,
        "state": options.state and options.state.upper(),
        "hasIncident": options.has_incident,
        "errorMessage": text_filter(options.error_message),
        "elementId": text_filter(options.element_id),
        "variables": [_variable(text) for text in options.variable or ()] or None,
    }
    return _united(given, options.filter)


class JobFilterOptions(Struct, frozen=True, kw_only=True):
    """Which jobs."""

    key: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Job key; repeat it for several.", autocompletion=completion.job_keys),
    ] = None
    type: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="Type; * and ? match any text.", autocompletion=completion.job_types),
    ] = None
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Such as CREATED or FAILED.")] = None
    process_id: ProcessId = None
    instance: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Process instance key.", autocompletion=completion.instance_keys),
    ] = None
    element_id: Annotated[str | None, typer.Option(metavar="ID", help="The element that they belong to.")] = None
    error_message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What a worker said; * and ? match any text.")
    ] = None
    of_instances: Annotated[
        str | None, typer.Option(metavar="JSON", help="Jobs of process instances that match this filter, or @FILE.")
    ] = None
    filter: FilterJson = None


def job_filter_of(options: JobFilterOptions) -> Filter:
    """As `filter_of`, of jobs."""
    given = {
        "jobKey": _one_or_many(options.key),
        "type": text_filter(options.type),
        "state": options.state and options.state.upper(),
        "processDefinitionId": text_filter(options.process_id),
        "processInstanceKey": options.instance,
        "elementId": text_filter(options.element_id),
        "errorMessage": text_filter(options.error_message),
        "processInstance": options.of_instances and read_json("--of-instances", options.of_instances, dict[str, Any]),
    }
    return _united(given, options.filter)


class DecisionFilterOptions(Struct, frozen=True, kw_only=True):
    """Which decision instances."""

    key: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Decision evaluation key; repeat it for several.")
    ] = None
    decision_id: Annotated[str | None, typer.Option(metavar="ID", help="Decision id; * and ? match any text.")] = None
    state: Annotated[str | None, typer.Option(metavar="STATE", help="EVALUATED or FAILED.")] = None
    instance: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Process instance key.", autocompletion=completion.instance_keys),
    ] = None
    filter: FilterJson = None


def decision_filter_of(options: DecisionFilterOptions) -> Filter:
    """As `filter_of`, of decision instances."""
    given = {
        "decisionEvaluationKey": _one_or_many(options.key),
        "decisionDefinitionId": text_filter(options.decision_id),
        "state": options.state and options.state.upper(),
        "processInstanceKey": options.instance,
    }
    return _united(given, options.filter)


class BatchFilterOptions(Struct, frozen=True, kw_only=True):
    """Which batch operations that have ended. Names, labels and reasons are those of the new one: see `filter`."""

    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="Batch operation key; repeat it for several.", autocompletion=completion.batch_keys
        ),
    ] = None
    operation: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Such as CANCEL_PROCESS_INSTANCE.")
    ] = None
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Such as COMPLETED or FAILED.")] = None
    ended_from: Annotated[str | None, typer.Option(metavar="TIME", help="Ended at this time or later.")] = None
    ended_until: Annotated[str | None, typer.Option(metavar="TIME", help="Ended at this time or before.")] = None
    filter: FilterJson = None


def batch_filter_of(options: BatchFilterOptions) -> Filter:
    """As `filter_of`, of batch operations."""
    given = {
        "batchOperationKey": _one_or_many(options.key),
        "operationType": options.operation and options.operation.upper(),
        "state": options.state and options.state.upper(),
        "endDate": between(options.ended_from, options.ended_until),
    }
    return _united(given, options.filter)


def _united(given: Filter, text: str | None) -> Filter:
    """What single options say, and the filter as JSON."""
    wanted: Filter = read_json("--filter", text, dict[str, Any]) if text else {}
    for name, value in given.items():
        if value is None:
            continue
        if name in wanted:
            raise UsageFault(f"--filter: expected {name} once, got it here and as an option; leave one out")
        wanted[name] = value
    return wanted


def _one_or_many(keys: list[str] | None) -> object:
    if not keys:
        return None
    return keys[0] if len(keys) == 1 else {"$in": keys}


def text_filter(text: str | None) -> object:
    """A pattern when it holds wildcards."""
    if text is not None and ("*" in text or "?" in text):
        return {"$like": text}
    return text


def between(first: str | None, last: str | None) -> dict[str, str] | None:
    """From a time to another one, both included."""
    bounds = {operator: time for operator, time in (("$gte", first), ("$lte", last)) if time is not None}
    return bounds or None


def _variable(text: str) -> Filter:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise UsageFault(f"--variable: expected NAME=JSON, got {text!r}; write for example region='\"north\"'")
    # Values of variables are compared as the compact JSON text that is stored.
    return {"name": name, "value": msgspec.json.encode(read_json(f"--variable {name}", value)).decode()}
