"""Forms: versions of those of a deployment, what holds them, and how a user task finds its own.

The deployment itself is in `deployments`: this module decides what becomes of its form files.
Source: Camunda 8 "Forms", "User task forms" (linked forms).
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.bpmn.forms import Form as FormHead
from engine.core.effects import Effects, Event
from engine.core.faults import NOT_FOUND, Reject
from engine.core.record import DEFAULT_TENANT
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, Table, View
from engine.records import Form
from engine.records.deployment import DeployedForm


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


# finding


def find_latest(view: View, form_id: str) -> int:
    """The key of the latest version. Raises Reject NOT_FOUND."""
    return _found(view.get(LATEST_FORMS, form_id), f"expected a form '{form_id}', got none deployed")


def find_tagged(view: View, form_id: str, version_tag: str) -> int:
    """The key of the latest version that has this version tag. Raises Reject NOT_FOUND."""
    message = f"expected a version of form '{form_id}' with the version tag '{version_tag}', got none"
    return _found(view.get(FORM_TAGS, form_id, version_tag), message)


def find_deployed(view: View, form_id: str, deployment_key: int) -> int:
    """The key of the version that came with a deployment. Raises Reject NOT_FOUND."""
    message = f"expected form '{form_id}' in the deployment of the process ({deployment_key}), got none"
    return _found(view.get(DEPLOYED_FORMS, form_id, deployment_key), message)


def _found(key: int | None, message: str) -> int:
    if key is None:
        raise Reject(NOT_FOUND, f"{message}; deploy it first")
    return key


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
