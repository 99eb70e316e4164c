"""The documents, one type for each kind; see `mappings` for what the fields are.

A field whose value is its default is left out, but of the parts of batch operations, whose counts are added up.
`position`: the last record that is applied, and the version under which the node keeps the document.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TypeVar

import msgspec
from msgspec import Struct

from exporters.batch_parts import Part

from .mappings import WORD_SIZE_MAX


class Member(Struct):
    """The join field of what belongs to a process instance."""

    name: str
    parent: str


class InstanceDocument(Struct, omit_defaults=True, kw_only=True):
    """What all documents of one index have: a process instance, or what belongs to it."""

    kind: str | Member
    key: int
    partition_id: int
    position: int
    process_instance_key: int | None = None
    root_key: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether hardly anything will change in it."""
        return False


class Tombstone(Struct, omit_defaults=True, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is left of a document that was deleted at this position. `key`: of what belongs to a process instance."""

    partition_id: int
    position: int
    key: int | None = None


Shape = TypeVar("Shape", bound=InstanceDocument)


def read_document(source: bytes, shape: type[Shape]) -> InstanceDocument:
    """A stored document; of one that was deleted what is left, to which no earlier change is made."""
    try:
        return msgspec.json.decode(source, type=shape)
    except msgspec.ValidationError:
        left = msgspec.json.decode(source, type=Tombstone)
        return InstanceDocument(kind="", key=left.key or 0, partition_id=left.partition_id, position=left.position)


class OfDefinition(InstanceDocument, omit_defaults=True, kw_only=True):
    """And the columns of its definition that are asked for."""

    definition_key: int
    process_id: str | None = None


class ProcessInstanceDocument(OfDefinition, omit_defaults=True, kw_only=True):
    """A process instance."""

    process_name: str | None = None
    process_version: int | None = None
    process_version_tag: str | None = None
    state: str
    start_date: int
    end_date: int | None = None
    parent_key: int | None = None
    parent_element_key: int | None = None
    tags: tuple[str, ...] = ()
    business_id: str | None = None
    restarted_key: int | None = None
    sequence_flows: list[str] = []
    active_incidents: int
    has_incident: bool

    @property
    def is_over(self) -> bool:
        return self.end_date is not None


class ElementInstanceDocument(OfDefinition, omit_defaults=True, kw_only=True):
    """An element instance, but the process itself."""

    scope_key: int
    element_id: str
    element_name: str
    type: str
    state: str
    start_date: int
    end_date: int | None = None
    incident_keys: list[int] = []
    incident_key: int | None = None

    @property
    def is_over(self) -> bool:
        return self.end_date is not None


class VariableDocument(InstanceDocument, omit_defaults=True, kw_only=True):
    """A variable. `definition_key`: all definitions that its instance had while it was alive."""

    definition_key: list[int]
    name: str
    scope_key: int
    of_instance: bool
    value: str
    value_start: str
    value_hash: str | None = None
    value_long: str | None = None
    size: int = 0
    initial: bool
    initial_value: str | None = None
    initial_size: int = 0

    def begin(self, text: str) -> None:
        """The first value."""
        self.set_value(text)
        self.initial_size = self.size if self.initial else 0

    def change(self, text: str) -> None:
        """Another value. The one that the process instance began with is kept."""
        if self.initial and self.initial_value is None:
            self.initial_value = self.value
        self.set_value(text)

    def set_value(self, text: str) -> None:
        """The value and what it is found by. `size` in characters, with the name."""
        self.value = text
        self.size = len(self.name) + len(text)
        self.value_start = text[:WORD_SIZE_MAX]
        self.value_hash, self.value_long = long_fields(text)


class JobDocument(OfDefinition, omit_defaults=True, kw_only=True):
    """A job."""

    type: str
    job_kind: str
    state: str
    retries: int
    priority: int
    failed_with_retries: bool
    worker: str
    deadline: int | None = None
    custom_headers: str = ""
    error_code: str = ""
    error_message: str = ""
    error_message_start: str = ""
    error_message_hash: str | None = None
    error_message_long: str | None = None
    element_id: str
    element_type: str | None = None
    element_instance_key: int
    creation_time: int
    last_update_time: int
    end_time: int | None = None

    def set_error_message(self, text: str) -> None:
        """Change the message and what it is found by."""
        self.error_message = text
        self.error_message_start = text[:WORD_SIZE_MAX]
        self.error_message_hash, self.error_message_long = long_fields(text)

    @property
    def is_over(self) -> bool:
        return self.end_time is not None


class IncidentDocument(OfDefinition, omit_defaults=True, kw_only=True):
    """An incident."""

    error_type: str
    error_message: str
    error_message_start: str
    error_message_hash: str | None = None
    error_message_long: str | None = None
    error_hash: int
    state: str
    creation_time: int
    element_id: str
    element_instance_key: int
    job_key: int | None = None

    @property
    def is_over(self) -> bool:
        return self.state != "ACTIVE"


class UserTaskDocument(OfDefinition, omit_defaults=True, kw_only=True):
    """A user task; tags and business id are the process instance's."""

    process_name: str | None = None
    process_version: int | None = None
    state: str
    name: str | None = None
    assignee: str | None = None
    candidate_groups: tuple[str, ...] = ()
    candidate_users: tuple[str, ...] = ()
    creation_date: int
    completion_date: int | None = None
    follow_up_date: int | None = None
    due_date: int | None = None
    priority: int
    form_reference: str | None = None
    form_key: int | None = None
    custom_headers: str = ""
    element_id: str
    element_type: str | None = None
    element_instance_key: int
    tags: tuple[str, ...] = ()
    business_id: str | None = None

    @property
    def is_over(self) -> bool:
        return self.completion_date is not None


class BatchItemDocument(InstanceDocument, omit_defaults=True, kw_only=True):
    """An item of a batch operation. `key` is the item's, once more."""

    batch_operation_key: int
    item_key: int
    type: str | None = None
    state: str
    processed_date: int | None = None
    error_message: str | None = None
    prediction: str | None = None
    unchanged: bool = False
    replaced: str | None = None
    replaced_size: int = 0
    incident_key: int | None = None


class PartDocument(Part, kw_only=True):
    """One partition's part of a batch operation."""

    position: int


class Element(Struct, omit_defaults=True, frozen=True):
    """An element of a definition."""

    element_id: str
    type: str
    name: str | None = None


class DefinitionDocument(Struct, omit_defaults=True, kw_only=True, frozen=True):
    """A process definition; no position: the same arrives from every partition. `resource` is base64 in the index."""

    key: int
    process_id: str
    version: int
    version_tag: str | None = None
    name: str | None = None
    resource_name: str
    resource: bytes
    deployment_key: int
    start_form_id: str | None = None
    elements: tuple[Element, ...]


class PositionDocument(Struct, kw_only=True, frozen=True):
    """How far a partition is searchable. `exporter`: which one wrote it."""

    partition_id: int
    position: int
    next_offset: int
    timestamp: int
    exporter: str


class RejectedDocument(Struct, kw_only=True, frozen=True):
    """A document that the index does not take: where it belongs, why, and its text (cut if it is too large for this).

    `position`: of the last change that the index should have; `lost_changes`: how many are in no text, because that was
    cut; `taken_position`: of the later change with which the index has taken the whole document, 0 before.
    `owners`: the process instance and the evaluation with which it goes when they are deleted.
    """

    partition_id: int
    position: int
    timestamp: int
    index: str
    id: str
    reason: str
    size: int
    document: str
    lost_changes: int = 0
    taken_position: int = 0
    owners: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        return len(self.document.encode()) == self.size


def long_fields(text: str) -> tuple[str | None, str | None]:
    """Hash and whole of a text that is longer than what is indexed of its start; else none."""
    return (sha256(text.encode()).hexdigest(), text) if len(text) > WORD_SIZE_MAX else (None, None)
