"""Form files: the little that an engine reads of what a form editor wrote.

Owns the id and the version tag of a form, by which user tasks find it. What the form shows is for who shows it.
Sources: Camunda 8 "Forms", form-js (`@bpmn-io/form-json-schema`).
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from .model import ModelRefused, Problem
from .outline import ID_SIZE_MAX
from .report import quote

#: Where msgspec found an error of syntax.
_BYTE = re.compile(r"\(byte (\d+)\)")


class Form(Struct, frozen=True, kw_only=True):
    """A form: its id, and its version tag or nothing."""

    id: str
    version_tag: str


def parse_form(resource: bytes, resource_name: str) -> Form:
    """The form of a file. Raises ModelRefused with every problem."""
    try:
        document = msgspec.json.decode(resource)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = _BYTE.search(str(error))
        line = resource[: int(found[1]) if found else len(resource)].count(b"\n") + 1
        raise _refused(
            resource_name, [f"expected a form as a JSON object, got no JSON: {error}; correct it"], line
        ) from None
    if not isinstance(document, dict):
        raise _refused(resource_name, ["expected a form as a JSON object, got another JSON value; deploy a form"])
    id_, version_tag = document.get("id"), document.get("versionTag") or ""
    problems = []
    if not isinstance(id_, str) or not id_.strip():
        problems.append("expected a form with an id, got none; set its id")
    elif len(id_.encode()) > ID_SIZE_MAX:
        problems.append(f"expected an id of at most {ID_SIZE_MAX} bytes, got {len(id_.encode())}; shorten it")
    if not isinstance(version_tag, str):
        problems.append("expected the version tag to be a text, got another JSON value; correct it")
    elif len(version_tag.encode()) > ID_SIZE_MAX:
        size = len(version_tag.encode())
        problems.append(f"expected a version tag of at most {ID_SIZE_MAX} bytes, got {size}; shorten it")
    if problems or not isinstance(id_, str):
        raise _refused(resource_name, problems, 1, id_ if isinstance(id_, str) else "")
    return Form(id=id_.strip(), version_tag=version_tag.strip())


def _refused(resource_name: str, messages: list[str], line: int = 1, form_id: str = "") -> ModelRefused:
    problems = [
        Problem(element_id=quote(form_id), element_type="FORM", line=line, message=message) for message in messages
    ]
    return ModelRefused(resource_name, tuple(problems))
