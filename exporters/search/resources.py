"""By which value of a row it is decided who may read it: the id of a resource that callers are authorized for.

Rule: what is not in the table can be read only by who may read everything of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.core.faults import BadRequest

from .fields import STRING, Entity, Field
from .filters import IN, Compare, Conditions

_PROCESS = Field("processDefinitionId", STRING, "d.process_id", nullable=True)
_PROCESS_OF_MESSAGE = Field("processDefinitionId", STRING, "m.process_id")
_PROCESS_OF_VARIABLE = Field(
    "processDefinitionId",
    STRING,
    "(SELECT d.process_id FROM process_instances o JOIN definitions d ON d.key = o.definition_key"
    " WHERE o.key = v.process_instance_key)",
    path="process_id_of_owner",
)
_DECISION_OF_INSTANCE = Field("decisionDefinitionId", STRING, "s.decision_id")

#: Entity -> the field.
RESOURCES: Mapping[str, Field] = {
    "PROCESS_DEFINITION": _PROCESS,
    "PROCESS_INSTANCE": _PROCESS,
    "ELEMENT_INSTANCE": _PROCESS,
    "JOB": _PROCESS,
    "INCIDENT": _PROCESS,
    "USER_TASK": _PROCESS,
    "WAIT_STATE": _PROCESS,
    "VARIABLE": _PROCESS_OF_VARIABLE,
    "MESSAGE_SUBSCRIPTION": _PROCESS_OF_MESSAGE,
    "CORRELATED_MESSAGE_SUBSCRIPTION": _PROCESS_OF_MESSAGE,
    "DECISION_DEFINITION": Field("decisionDefinitionId", STRING, "e.decision_id"),
    "DECISION_REQUIREMENTS": Field("decisionRequirementsId", STRING, "q.requirements_id"),
    "DECISION_INSTANCE": _DECISION_OF_INSTANCE,
    "DECISION_INSTANCE_DETAILS": _DECISION_OF_INSTANCE,
}


def readable_conditions(entity: Entity, resources: Sequence[str]) -> Conditions:
    """That a row belongs to one of these resources. Raises BadRequest for an entity whose rows belong to none."""
    field = RESOURCES.get(entity.name)
    if field is None:
        raise BadRequest(f"expected an entity whose rows belong to resources, got {entity.name}; ask for all")
    return (Compare(field, IN, tuple(resources)),)
