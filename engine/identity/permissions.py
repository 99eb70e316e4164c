"""What there are permissions for: resource types, and for each the permission types that an authorization may give.

Names are those of Camunda 8. What is listed here is checked somewhere: a permission without effect is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

EVERYTHING = "*"

CREATE_BATCH_OPERATION = "CREATE_BATCH_OPERATION_"

#: Types of batch operations that Camunda 8 has no permission for.
BATCH_OPERATIONS_BEYOND = (
    "CORRELATE_MESSAGE",
    "RESTART_PROCESS_INSTANCE",
    "SET_REMOVAL_TIME",
    "SET_VARIABLES",
)
BATCH_OPERATIONS = (
    "CANCEL_PROCESS_INSTANCE",
    "DELETE_DECISION_INSTANCE",
    "DELETE_PROCESS_INSTANCE",
    "MIGRATE_PROCESS_INSTANCE",
    "MODIFY_PROCESS_INSTANCE",
    "RESOLVE_INCIDENT",
    "SUSPEND_PROCESS_INSTANCE",
    "UPDATE_JOB",
)

#: Its client cannot read authorizations with these; CREATE includes them.
BEYOND = frozenset(CREATE_BATCH_OPERATION + name for name in BATCH_OPERATIONS_BEYOND)

#: Resource type -> permission types.
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "AUTHORIZATION": ("CREATE", "DELETE", "READ", "UPDATE"),
    "BATCH": (
        "CREATE",
        *(CREATE_BATCH_OPERATION + name for name in sorted((*BATCH_OPERATIONS, *BATCH_OPERATIONS_BEYOND))),
        "READ",
        "UPDATE",
    ),
    "DECISION_DEFINITION": (
        "CREATE_DECISION_INSTANCE",
        "DELETE_DECISION_INSTANCE",
        "READ_DECISION_DEFINITION",
        "READ_DECISION_INSTANCE",
    ),
    "DECISION_REQUIREMENTS_DEFINITION": ("READ",),
    "EXPRESSION": ("EVALUATE",),
    "GROUP": ("CREATE", "DELETE", "READ", "UPDATE"),
    "MESSAGE": ("CREATE",),
    "PROCESS_DEFINITION": (
        "CANCEL_PROCESS_INSTANCE",
        "CLAIM_USER_TASK",
        "COMPLETE_USER_TASK",
        "CREATE_PROCESS_INSTANCE",
        "DELETE_PROCESS_INSTANCE",
        "MODIFY_PROCESS_INSTANCE",
        "READ_PROCESS_DEFINITION",
        "READ_PROCESS_INSTANCE",
        "READ_USER_TASK",
        "SUSPEND_PROCESS_INSTANCE",
        "UPDATE_PROCESS_INSTANCE",
        "UPDATE_USER_TASK",
    ),
    "RESOURCE": ("CREATE", "READ"),
    "SYSTEM": ("READ",),
    "USER": ("CREATE", "DELETE", "READ", "UPDATE"),
}


def permission_to_create(batch_operation_type: str) -> str:
    """The permission of BATCH for this type alone. Resuming needs that of suspending, as in Camunda 8.

    Removal times need the same whatever they are of, as in Camunda 7.
    """
    if batch_operation_type in ("SET_DECISION_REMOVAL_TIME", "SET_BATCH_REMOVAL_TIME"):
        batch_operation_type = "SET_REMOVAL_TIME"
    return CREATE_BATCH_OPERATION + batch_operation_type.replace("RESUME_", "SUSPEND_", 1)
