"""The second level of authorization: the creator's right to do this to this target, as it is at the time of execution.

The first is that of every command (`engine.identity.needs`). Both hold only while authorization is on.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.core.principal import Principal, principal_of
from engine.core.record import NONE, Record
from engine.core.state import View
from engine.identity.needs import process_of_definition, process_of_instance
from engine.identity.permissions import permission_to_create
from engine.identity.rights import require, resources_of

from .operation import Item, Operation

#: `authorize(creator, operation, item, view)` raises Reject FORBIDDEN, which makes the item FAILED.
Authorize = Callable[[Principal, Operation, Item, View], None]

#: What the creator needs, to have the items found that belong to a process.
READ = "READ_PROCESS_INSTANCE"
#: The same of what belongs to no process: for all of them, or none.
READ_ALL = {"DECISION_DEFINITION": ("READ_DECISION_INSTANCE",), "BATCH": ("READ",)}


def authorize_creation(command: Record, batch_operation_type: str, view: View) -> None:
    """Raises Reject FORBIDDEN unless who sent the command may create batch operations of this type.

    For those whose type another batch operation says: the first level cannot know it (`engine.identity.needs`).
    """
    if view.settings.authorization_enabled:
        wanted = ("CREATE", permission_to_create(batch_operation_type))
        require(view, principal_of(command.step.claims), "BATCH", wanted, None)


def authorize_item(creator: Principal, operation: Operation, item: Item, view: View) -> None:
    """Raises Reject FORBIDDEN unless the creator may do this to the item's process instance.

    A target that is not there any more is told as such, unless the operation is about what has finished. Decisions take
    the permission for all of them: what an evaluation is of is not known here.
    """
    if view.settings.authorization_enabled:
        is_of_process = operation.resource_type == "PROCESS_DEFINITION"
        require(
            view,
            creator,
            operation.resource_type,
            (operation.permission,),
            (lambda: _process_of(item, view)) if is_of_process else None,
            passes_unknown=operation.selects.only_running,
        )


def _process_of(item: Item, view: View) -> str | None:
    """The BPMN id of the process of an item; of one that has ended only the facts know it."""
    if item.facts is not None and item.facts.process_definition_key != NONE:
        return process_of_definition(view, item.facts.process_definition_key)
    return process_of_instance(view, item.process_instance_key)


def readable_processes(creator: Principal, operation: Operation, view: View) -> tuple[str, ...] | None:
    """BPMN ids of the processes whose items the creator may have found; None for all.

    Of decisions and batch operations he may have found all or none.
    """
    if not view.settings.authorization_enabled:
        return None
    if operation.resource_type in READ_ALL:
        found = resources_of(view, creator, operation.resource_type, READ_ALL[operation.resource_type])
        return None if found is None else ()
    found = resources_of(view, creator, "PROCESS_DEFINITION", (READ,))
    return None if found is None else tuple(sorted(found))
