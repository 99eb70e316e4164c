"""What each command of a client needs: one table, and the check that is made before the command is decided.

Rule: what is not in the table is refused. Commands on the internal topic are the engine's own and need nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from msgspec import Struct

from engine.core.faults import FORBIDDEN, Reject
from engine.core.principal import principal_of
from engine.core.record import NONE, Record
from engine.core.state import View
from engine.process.decision_tables import DECISIONS
from engine.process.tables import DEFINITIONS, ELEMENT_INSTANCES, INCIDENTS, JOBS, USER_TASKS
from engine.records import (
    BatchOperationCreation,
    DecisionEvaluation,
    HistoryDeletion,
    ProcessInstanceCreation,
    VariableDocument,
)

from .permissions import CREATE_BATCH_OPERATION, PERMISSIONS, permission_to_create
from .rights import require

#: Permissions of BATCH to create batch operations of one type.
CREATING_SOME_TYPE = tuple(name for name in PERMISSIONS["BATCH"] if name.startswith(CREATE_BATCH_OPERATION))


class Need(Struct, frozen=True):
    """One of `permissions` for a resource; `find(command, view)` gives its id, without it all of them are needed."""

    resource_type: str
    permissions: tuple[str, ...]
    find: Callable[[Record, View], str | None] | None = None


def authorize(command: Record, view: View) -> None:
    """Raises Reject FORBIDDEN unless who sent the command may have it decided."""
    need = need_of(command)
    if need is None:
        name = f"{command.value_type} {command.intent}"
        raise Reject(FORBIDDEN, f"expected a command that can be authorized, got {name}; send another")
    find = need.find
    require(
        view,
        principal_of(command.step.claims),
        need.resource_type,
        need.permissions,
        None if find is None else lambda: find(command, view),
    )


def need_of(command: Record) -> Need | None:
    """What a command needs; None for one that is not known here."""
    need = NEEDS.get((command.value_type, command.intent))
    if (
        command.value_type == "HISTORY_DELETION"
        and cast(HistoryDeletion, command.value).resource_type != "PROCESS_INSTANCE"
    ):
        return Need("DECISION_DEFINITION", ("DELETE_DECISION_INSTANCE",))
    if need is None or command.value_type != "BATCH_OPERATION_CREATION":
        return need
    wish = cast(BatchOperationCreation, command.value)
    if wish.options.origin_key != NONE:  # its type is known later, from another one, and authorized then
        return Need(need.resource_type, (*CREATING_SOME_TYPE, *need.permissions))
    return Need(need.resource_type, (*need.permissions, permission_to_create(wish.batch_operation_type)))


def process_of_instance(view: View, key: int) -> str | None:
    """The BPMN process id of a running process instance, or of an element instance; None for an unknown one."""
    row = view.get(ELEMENT_INSTANCES, key) if key >= 0 else None
    return None if row is None else process_of_definition(view, row.process_definition_key)


def process_of_definition(view: View, definition_key: int) -> str | None:
    """The BPMN process id of a definition; None for an unknown one."""
    definition = view.get(DEFINITIONS, definition_key) if definition_key >= 0 else None
    return None if definition is None else definition.bpmn_process_id


def _of_instance(command: Record, view: View) -> str | None:
    return process_of_instance(view, command.key)


def _of_job(command: Record, view: View) -> str | None:
    row = view.get(JOBS, command.key) if command.key >= 0 else None
    return None if row is None else process_of_instance(view, row.process_instance_key)


def _of_user_task(command: Record, view: View) -> str | None:
    row = view.get(USER_TASKS, command.key) if command.key >= 0 else None
    return None if row is None else process_of_instance(view, row.process_instance_key)


def _of_incident(command: Record, view: View) -> str | None:
    row = view.get(INCIDENTS, command.key) if command.key >= 0 else None
    return None if row is None else process_of_instance(view, row.process_instance_key)


def _of_scope(command: Record, view: View) -> str | None:
    return process_of_instance(view, cast(VariableDocument, command.value).scope_key)


def _of_creation(command: Record, view: View) -> str | None:
    """The key comes first, as when the command is decided."""
    value = cast(ProcessInstanceCreation, command.value)
    if value.process_definition_key != NONE:
        return process_of_definition(view, value.process_definition_key)
    return value.bpmn_process_id or None


def _of_decision(command: Record, view: View) -> str | None:
    value = cast(DecisionEvaluation, command.value)
    if value.decision_key == NONE:
        return value.decision_id or None
    row = view.get(DECISIONS, value.decision_key) if value.decision_key >= 0 else None
    return None if row is None else row.decision_id


def _of_process(permission: str, find: Callable[[Record, View], str | None]) -> Need:
    return Need("PROCESS_DEFINITION", (permission,), find)


def _of_task(*permissions: str) -> Need:
    """Camunda 8 has a permission for what is done to a user task, and one for everything."""
    return Need("PROCESS_DEFINITION", ("UPDATE_USER_TASK", *permissions), _of_user_task)


_UPDATE = "UPDATE_PROCESS_INSTANCE"

#: (value type, intent) of every command that a client may send.
NEEDS: Mapping[tuple[str, str], Need] = {
    ("DEPLOYMENT", "CREATE"): Need("RESOURCE", ("CREATE",)),
    ("DECISION_EVALUATION", "EVALUATE"): Need("DECISION_DEFINITION", ("CREATE_DECISION_INSTANCE",), _of_decision),
    ("PROCESS_INSTANCE_CREATION", "CREATE"): _of_process("CREATE_PROCESS_INSTANCE", _of_creation),
    ("PROCESS_INSTANCE", "CANCEL"): _of_process("CANCEL_PROCESS_INSTANCE", _of_instance),
    ("PROCESS_INSTANCE", "SUSPEND"): _of_process("SUSPEND_PROCESS_INSTANCE", _of_instance),
    ("PROCESS_INSTANCE", "RESUME"): _of_process("SUSPEND_PROCESS_INSTANCE", _of_instance),
    ("PROCESS_INSTANCE_MODIFICATION", "MODIFY"): _of_process("MODIFY_PROCESS_INSTANCE", _of_instance),
    ("PROCESS_INSTANCE_MIGRATION", "MIGRATE"): _of_process(_UPDATE, _of_instance),
    # of what has finished it is not known here whose it was; of decisions see `need_of`
    ("HISTORY_DELETION", "DELETE"): Need("PROCESS_DEFINITION", ("DELETE_PROCESS_INSTANCE",)),
    ("HISTORY_DELETION", "SCHEDULE"): Need("PROCESS_DEFINITION", ("DELETE_PROCESS_INSTANCE",)),
    ("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN"): _of_process(_UPDATE, _of_instance),
    ("JOB", "COMPLETE"): _of_process(_UPDATE, _of_job),
    ("JOB", "FAIL"): _of_process(_UPDATE, _of_job),
    ("JOB", "THROW_ERROR"): _of_process(_UPDATE, _of_job),
    ("JOB", "UPDATE"): _of_process(_UPDATE, _of_job),
    # gives out the jobs of all processes, and signals reach instances of all
    ("JOB_BATCH", "ACTIVATE"): Need("PROCESS_DEFINITION", (_UPDATE,)),
    ("SIGNAL", "BROADCAST"): Need("PROCESS_DEFINITION", (_UPDATE,)),
    ("INCIDENT", "RESOLVE"): _of_process(_UPDATE, _of_incident),
    ("VARIABLE_DOCUMENT", "UPDATE"): _of_process(_UPDATE, _of_scope),
    ("AD_HOC_SUB_PROCESS_INSTRUCTION", "ACTIVATE"): _of_process(_UPDATE, _of_instance),
    ("USER_TASK", "ASSIGN"): _of_task(),
    ("USER_TASK", "CLAIM"): _of_task("CLAIM_USER_TASK"),
    ("USER_TASK", "UPDATE"): _of_task(),
    ("USER_TASK", "COMPLETE"): _of_task("COMPLETE_USER_TASK"),
    ("MESSAGE", "PUBLISH"): Need("MESSAGE", ("CREATE",)),
    ("MESSAGE_CORRELATION", "CORRELATE"): Need("MESSAGE", ("CREATE",)),
    # and with it the permission of its type, see `need_of`
    ("BATCH_OPERATION_CREATION", "CREATE"): Need("BATCH", ("CREATE",)),
    ("BATCH_OPERATION_CREATION", "EXECUTE"): Need("BATCH", ("CREATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "SUSPEND"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "RESUME"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "CANCEL"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "UPDATE"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "RESOLVE_INCIDENTS"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_INCIDENT", "RESOLVE"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "SCHEDULE"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "DELETE"): Need("BATCH", ("UPDATE",)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "APPROVE"): Need("BATCH", ("UPDATE",)),
    ("USER", "CREATE"): Need("USER", ("CREATE",)),
    ("USER", "UPDATE"): Need("USER", ("UPDATE",)),
    ("USER", "DELETE"): Need("USER", ("DELETE",)),
    ("GROUP", "CREATE"): Need("GROUP", ("CREATE",)),
    ("GROUP", "UPDATE"): Need("GROUP", ("UPDATE",)),
    ("GROUP", "DELETE"): Need("GROUP", ("DELETE",)),
    ("GROUP", "ADD_MEMBER"): Need("GROUP", ("UPDATE",)),
    ("GROUP", "REMOVE_MEMBER"): Need("GROUP", ("UPDATE",)),
    ("AUTHORIZATION", "CREATE"): Need("AUTHORIZATION", ("CREATE",)),
    ("AUTHORIZATION", "UPDATE"): Need("AUTHORIZATION", ("UPDATE",)),
    ("AUTHORIZATION", "DELETE"): Need("AUTHORIZATION", ("DELETE",)),
}
