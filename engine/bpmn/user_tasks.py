"""What a user task is: who may do it, until when, with which form.

Owns the extension elements of user tasks only. Source: Camunda 8 "User tasks" (Camunda user task and job worker kind).
"""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps

from .dates import read_date_time
from .expressions import Expressions
from .extensions import Extensions, is_number, read_binding
from .feel import Expression
from .model import Job, LinkedForm, UserTask
from .report import Report, quote
from .xml_tree import Node

#: The job that a user task of the old kind is.
USER_TASK_JOB_TYPE = "io.camunda.zeebe:userTask"
USER_TASK_JOB_RETRIES = "1"
FORM_KEY_HEADER = "io.camunda.zeebe:formKey"
PRIORITY_MAX = 100


def read_user_task(
    extensions: Extensions, headers: Mapping[str, str], expressions: Expressions, report: Report
) -> UserTask:
    """The attributes of a user task. What cannot be compiled is a problem in the report and None here."""
    texts = _Texts(extensions, expressions, report)
    native = extensions.get("userTask") is not None
    _check_form(extensions, native, report)
    return UserTask(
        native=native,
        assignee=texts.read("assignmentDefinition", "assignee"),
        candidate_groups=texts.read_list("candidateGroups"),
        candidate_users=texts.read_list("candidateUsers"),
        due_date=texts.read_date("dueDate"),
        follow_up_date=texts.read_date("followUpDate"),
        priority=texts.read_priority() if native else None,
        form=_read_form(extensions, texts, expressions, report),
        external_form_reference=texts.read("formDefinition", "externalReference"),
        headers=headers,
    )


def _read_form(extensions: Extensions, texts: _Texts, expressions: Expressions, report: Report) -> LinkedForm | None:
    """The deployed form that is named, if one is."""
    node, form_id = extensions.get("formDefinition"), texts.read("formDefinition", "formId")
    if node is None or form_id is None:
        return None
    return LinkedForm(form_id=form_id, binding=read_binding(extensions.owner, node, expressions, report))


def user_task_job(extensions: Extensions, headers: Mapping[str, str], expressions: Expressions) -> Job | None:
    """The job of a user task of the old kind; None for a native one."""
    if extensions.get("userTask") is not None:
        return None
    form = extensions.get("formDefinition")
    form_key = form.get("formKey") if form is not None else ""
    return Job(
        type=expressions.static(USER_TASK_JOB_TYPE),
        retries=expressions.static(USER_TASK_JOB_RETRIES),
        headers={**headers, FORM_KEY_HEADER: form_key} if form_key else headers,
    )


def _check_form(extensions: Extensions, native: bool, report: Report) -> None:
    form = extensions.get("formDefinition")
    if form is None:
        return
    other = "externalReference" if native else "formKey"
    if bool(form.get("formId").strip()) == bool(form.get(other).strip()):
        message = f"expected formId or {other} in zeebe:formDefinition, got both or none; set one of them"
        report.refuse(extensions.owner, message, at=form)


class _Texts:
    """The attributes of a user task's extension elements as expressions; absent and blank ones are None."""

    def __init__(self, extensions: Extensions, expressions: Expressions, report: Report) -> None:
        self._extensions = extensions
        self._owner = extensions.owner
        self._expressions = expressions
        self._report = report

    def read(self, extension: str, attribute: str) -> Expression | None:
        node, text = self._find(extension, attribute)
        return self._expressions.property(self._owner, node, attribute, text) if text.strip() else None

    def read_list(self, attribute: str) -> Expression | None:
        """A static text is a list with commas in between: it becomes a FEEL list."""
        node, text = self._find("assignmentDefinition", attribute)
        if not text.strip() or text.startswith("="):
            return self.read("assignmentDefinition", attribute)
        names = [name.strip() for name in text.split(",")]
        if not all(names):
            message = f"expected {attribute} to be names with ',' in between, got '{quote(text)}'; correct it"
            self._report.refuse(self._owner, message, at=node)
            return None
        literal = "=[" + ", ".join(dumps(name, ensure_ascii=False) for name in names) + "]"
        return self._expressions.feel(self._owner, node, attribute, literal)

    def read_date(self, attribute: str) -> Expression | None:
        node, text = self._find("taskSchedule", attribute)
        if text.strip() and not text.startswith("=") and read_date_time(text.strip()) is None:
            wanted = f"expected {attribute} to be a date and time with zone, such as 2026-03-02T15:35:00+01:00, or FEEL"
            self._report.refuse(self._owner, f"{wanted}, got '{quote(text)}'; correct it", at=node)
            return None
        return self.read("taskSchedule", attribute)

    def read_priority(self) -> Expression | None:
        node, text = self._find("priorityDefinition", "priority")
        if text.strip() and not text.startswith("=") and not is_number(text.strip(), 0, PRIORITY_MAX):
            message = f"expected the priority to be 0 to {PRIORITY_MAX}, or FEEL, got '{quote(text)}'; correct it"
            self._report.refuse(self._owner, message, at=node)
            return None
        return self.read("priorityDefinition", "priority")

    def _find(self, extension: str, attribute: str) -> tuple[Node, str]:
        node = self._extensions.get(extension)
        return (self._owner, "") if node is None else (node, node.get(attribute))
