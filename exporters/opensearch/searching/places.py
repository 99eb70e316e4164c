"""Where the rows of every entity are in the indices, and what is related to them by which query.

Rule: names of fields are those of `exporters/opensearch/mappings.py`. Properties that are no field of a document have
names of their own: those of LATEST, OF_OWNER, WAIT_STATE_TYPE, and those of FLAGS.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from exporters.opensearch import mappings
from exporters.search.fields import Entity, Field
from exporters.search.values import Operand

from .queries import EVERYTHING, Query, all_of, any_of, exists, none_of, term

#: Property -> index, and the field that its versions have in common.
LATEST: Mapping[str, tuple[str, str]] = {
    "is_latest": (mappings.DEFINITIONS, "process_id"),
    "is_latest_decision": (mappings.DECISION_DEFINITIONS, "decision_id"),
}
WAIT_STATE_TYPE = "wait_state_type"
#: Property of what does not say itself whose it is -> the field of its process instance.
OF_OWNER = {"process_id_of_owner": "process_id"}

#: Columns that are the same for every row, and what they are.
CONSTANTS: Mapping[str, Operand] = {
    "NULL": None,
    "0": 0,
    "'<default>'": "<default>",
    "'ACTIVE'": "ACTIVE",
    "'UNSPECIFIED'": "UNSPECIFIED",
}

#: What is true or false -> what is asked of a document for it.
FLAGS: Mapping[str, Query] = {
    "has_incident": term("has_incident", True),
    "has_open_incident": exists("incident_key"),
    "has_start_form": exists("start_form_id"),
    "failed_with_retries": term("failed_with_retries", True),
    "is_truncated": exists("value_hash"),
}
#: Type of a wait state -> the kind of document that it is.
WAIT_STATES = {"JOB": mappings.JOB, "USER_TASK": mappings.USER_TASK}


class Place(Struct, frozen=True):
    """Where rows are: the documents of `index` that match `rows`, told apart by the fields `identity`."""

    index: str
    rows: Query
    identity: tuple[str, ...] = ("key",)


class Children(Struct, frozen=True):
    """Related rows are documents of this kind, of the same process instance, that match."""

    kind: str
    rows: Query


class Values(Struct, frozen=True):
    """Related rows are the values of this field of the row itself."""

    path: str


class Siblings(Struct, frozen=True):
    """Related rows are documents of this kind that match and belong to the process instance of the row."""

    kind: str
    rows: Query


class Scoped(Struct, frozen=True):
    """Related rows are variables of the scope that the row names: they are looked up before the search."""

    path: str


def of_kind(kind: str) -> Query:
    """Documents of this kind."""
    return term("kind", kind)


def _of_kind(kind: str) -> Place:
    return Place(mappings.INSTANCES, of_kind(kind))


PROCESS_INSTANCES = of_kind(mappings.PROCESS_INSTANCE)
ACTIVE = term("state", "ACTIVE")
SUSPENDED = term("state", "SUSPENDED")
ACTIVE_INCIDENTS = all_of(of_kind(mappings.INCIDENT), ACTIVE)
WAITING = any_of(
    all_of(of_kind(mappings.JOB), none_of(exists("end_time"))),
    all_of(of_kind(mappings.USER_TASK), none_of(exists("completion_date"))),
)

# of what was deleted a document without these fields is left
_DECISION_INSTANCES = Place(mappings.DECISION_INSTANCES, exists("evaluation_key"), ("evaluation_key", "number"))

#: Entities whose documents have that name as their kind in one index.
IDENTITIES = ("USER", "GROUP", "GROUP_USER", "GROUP_CLIENT", "AUTHORIZATION")

#: Entities whose rows are documents. The others are made: see `made` and `statistics`.
PLACES: Mapping[str, Place] = {
    "PROCESS_DEFINITION": Place(mappings.DEFINITIONS, EVERYTHING),
    "PROCESS_INSTANCE": _of_kind(mappings.PROCESS_INSTANCE),
    "ELEMENT_INSTANCE": _of_kind(mappings.ELEMENT_INSTANCE),
    "VARIABLE": _of_kind(mappings.VARIABLE),
    "JOB": _of_kind(mappings.JOB),
    "INCIDENT": _of_kind(mappings.INCIDENT),
    "USER_TASK": _of_kind(mappings.USER_TASK),
    "WAIT_STATE": Place(mappings.INSTANCES, WAITING, ("element_instance_key", "key")),
    "FORM": Place(mappings.FORMS, EVERYTHING),
    "DECISION_REQUIREMENTS": Place(mappings.DECISION_REQUIREMENTS, EVERYTHING),
    "DECISION_DEFINITION": Place(mappings.DECISION_DEFINITIONS, EVERYTHING),
    "DECISION_INSTANCE": _DECISION_INSTANCES,
    "DECISION_INSTANCE_DETAILS": _DECISION_INSTANCES,
    "MESSAGE_SUBSCRIPTION": Place(mappings.MESSAGE_SUBSCRIPTIONS, exists("key")),
    **{kind: Place(mappings.IDENTITIES, of_kind(kind)) for kind in IDENTITIES},
    "CREDENTIALS": Place(mappings.IDENTITIES, of_kind("USER")),
    "GROUPS_OF_USER": Place(mappings.IDENTITIES, of_kind("GROUP_USER")),
    "GROUPS_OF_CLIENT": Place(mappings.IDENTITIES, of_kind("GROUP_CLIENT")),
    "CORRELATED_MESSAGE_SUBSCRIPTION": Place(
        mappings.MESSAGE_CORRELATIONS, exists("message_key"), ("message_key", "subscription_key")
    ),
    "BATCH_OPERATION_ITEM": Place(
        mappings.INSTANCES, of_kind(mappings.BATCH_ITEM), ("batch_operation_key", "item_key")
    ),
}

#: Name of a relation -> where its rows are.
RELATIONS: Mapping[str, Children | Values | Siblings | Scoped] = {
    "ACTIVE_INCIDENTS": Children(mappings.INCIDENT, ACTIVE),
    "ELEMENTS": Children(mappings.ELEMENT_INSTANCE, EVERYTHING),
    "FAILED_JOBS": Children(mappings.JOB, term("failed_with_retries", True)),
    "ITEMS": Children(mappings.BATCH_ITEM, EVERYTHING),
    "VARIABLES": Children(mappings.VARIABLE, EVERYTHING),
    "TAGS": Values("tags"),
    "OPEN_INCIDENTS": Values("incident_key"),
    "INSTANCE_VARIABLES": Siblings(mappings.VARIABLE, term("of_instance", True)),
    "LOCAL_VARIABLES": Scoped("element_instance_key"),
    "TASK_TAGS": Values("tags"),
    "GROUP": Values("candidate_groups"),
    "USER": Values("candidate_users"),
}


def is_constant(field: Field) -> bool:
    """Whether every row has the same value."""
    return field.column in CONSTANTS


def path_of(field: Field) -> str:
    """What documents call the field; of long texts, the whole."""
    return field.path or field.column.rpartition(".")[2]


def sorted_path(field: Field) -> str:
    """The field that orders, and that conditions are about; of long texts, their beginning."""
    path = path_of(field)
    return f"{path}_start" if is_long_text(path) else path


def is_long_text(path: str) -> bool:
    """Whether it is indexed by its beginning."""
    return f"{path}_start" in mappings.INSTANCES_FIELDS


def place_of(entity: Entity) -> Place:
    """Where the rows of an entity are that are documents."""
    return PLACES[entity.name]
