"""Forms; see `fields` for what the words mean. They are got by key or by id, not searched by clients."""

from __future__ import annotations

from .fields import INTEGER, KEY, STRING, Entity, Field, shown_only
from .instances import TENANT

FORM = Entity(
    "FORM",
    "forms f",
    ("f.key",),
    (
        Field("formKey", KEY, "f.key"),
        Field("formId", STRING, "f.form_id"),
        Field("version", INTEGER, "f.version"),
        shown_only("schema", STRING, "f.content"),
        TENANT,
    ),
)
