"""Forms: versions of those of a deployment, what holds them, and how a user task finds its own.

The deployment itself is in `deployments`: this module decides what becomes of its form files.
Source: Camunda 8 "Forms", "User task forms" (linked forms).
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.bpmn.forms import Form as FormHead
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, Table, View
from engine.records import Form
from engine.records.deployment import DeployedForm

from .versions import Versions


class FormRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A deployed form. Its file is on the log and in secondary storage: the engine does not need it."""

    form_id: str
    version: int
    checksum: bytes


#: (form key,)
FORMS = Table(40, "FORMS", FormRow)
#: (form id,) -> key of its latest version
LATEST_FORMS = Table(41, "LATEST_FORMS", int)
#: (form id, version tag) -> key of the latest version with it
FORM_TAGS = Table(42, "FORM_TAGS", int)
#: (form id, deployment key) -> key of the version that came with it
DEPLOYED_FORMS = Table(43, "DEPLOYED_FORMS", int)


class FormFile(Struct, frozen=True, kw_only=True):
    """A form of a deployment, read."""

    resource_name: str
    checksum: bytes
    form: FormHead


def is_latest(view: View, file: FormFile) -> bool:
    """Whether the same bytes are the latest version already."""
    _, present = _latest(view, file.form.id)
    return present is not None and present.checksum == file.checksum


def decide(view: View, file: FormFile, *, renew: bool) -> DeployedForm:
    """The form's version: a new one, or the latest again."""
    key, present = _latest(view, file.form.id)
    version = present.version if present is not None else 0
    return DeployedForm(
        form_id=file.form.id,
        version=version + 1 if renew else version,
        version_tag=file.form.version_tag,
        form_key=view.next_key() if renew or key is None else key,
        resource_name=file.resource_name,
        checksum=file.checksum,
        duplicate=not renew,
    )


def _latest(view: View, form_id: str) -> tuple[int | None, FormRow | None]:
    key = view.get(LATEST_FORMS, form_id)
    return key, view.get(FORMS, key) if key is not None else None


def define(deployment_key: int, forms: tuple[DeployedForm, ...], files: dict[str, bytes]) -> Effects:
    """What is new, from the files by their names."""
    for form in forms:
        if form.duplicate:
            continue
        value = Form(
            form_id=form.form_id,
            form_version=form.version,
            version_tag=form.version_tag,
            resource_name=form.resource_name,
            checksum=form.checksum,
            resource=files[form.resource_name],
            deployment_key=deployment_key,
            tenant_id=DEFAULT_TENANT,
        )
        yield Event(value_type="FORM", intent="CREATED", key=form.form_key, value=value)


VERSIONS = Versions(kind="form", latest=LATEST_FORMS, tags=FORM_TAGS, deployed=DEPLOYED_FORMS)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(Form, fact.value)
    row = FormRow(form_id=value.form_id, version=value.form_version, checksum=value.checksum)
    state.put(FORMS, fact.key, value=row)
    state.put(LATEST_FORMS, value.form_id, value=fact.key)
    state.put(DEPLOYED_FORMS, value.form_id, value.deployment_key, value=fact.key)
    if value.version_tag:
        state.put(FORM_TAGS, value.form_id, value.version_tag, value=fact.key)


PART = Part(
    appliers={("FORM", "CREATED"): _apply_created},
    tables=table_values(FORMS, LATEST_FORMS, FORM_TAGS, DEPLOYED_FORMS),
)
