"""Forms as every store keeps them: written once, never changed. Source: Camunda 8 REST API, "Form"."""

from __future__ import annotations

from msgspec import Struct

from engine.core.record import Record
from engine.records.form import Form


class FormRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deployed form; fields in the order of the columns of `forms`. `content` is its file."""

    key: int
    form_id: str
    version: int
    content: str


def form_row(record: Record, value: Form) -> FormRow:
    """The row of a FORM CREATED."""
    content = value.resource.decode(errors="replace")
    return FormRow(key=record.key, form_id=value.form_id, version=value.form_version, content=content)
