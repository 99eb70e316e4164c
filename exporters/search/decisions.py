"""Decision definitions, decision requirements and decision instances; see `fields` for what the words mean."""

from __future__ import annotations

from .enums import DECISION_STATES, DECISION_TYPES
from .fields import (
    BOOLEAN,
    DATE,
    ENUM,
    INTEGER,
    KEY,
    OBJECTS,
    STRING,
    Entity,
    Field,
    filter_only,
    shown_only,
)
from .instances import TENANT

DECISION_REQUIREMENTS = Entity(
    "DECISION_REQUIREMENTS",
    "decision_requirements q",
    ("q.key",),
    (
        Field("decisionRequirementsKey", KEY, "q.key"),
        Field("decisionRequirementsId", STRING, "q.requirements_id"),
        Field("decisionRequirementsName", STRING, "q.name"),
        Field("version", INTEGER, "q.version"),
        Field("resourceName", STRING, "q.resource_name", sorts=False),
        TENANT,
    ),
)

DECISION_DEFINITION = Entity(
    "DECISION_DEFINITION",
    "decision_definitions e",
    ("e.key",),
    (
        Field("decisionDefinitionKey", KEY, "e.key"),
        Field("decisionDefinitionId", STRING, "e.decision_id"),
        Field("name", STRING, "e.name"),
        Field("version", INTEGER, "e.version"),
        Field("decisionRequirementsKey", KEY, "e.requirements_key"),
        Field("decisionRequirementsId", STRING, "e.requirements_id"),
        Field("decisionRequirementsName", STRING, "e.requirements_name"),
        Field("decisionRequirementsVersion", INTEGER, "e.requirements_version"),
        TENANT,
        filter_only(
            "isLatestVersion",
            BOOLEAN,
            "(e.version = (SELECT max(x.version) FROM decision_definitions x WHERE x.decision_id = e.decision_id))",
            path="is_latest_decision",
        ),
    ),
)

_INSTANCE_FIELDS = (
    Field("decisionEvaluationInstanceKey", STRING, "s.instance_key"),
    Field("decisionEvaluationKey", KEY, "s.evaluation_key"),
    Field("state", ENUM, "s.state", DECISION_STATES),
    Field("evaluationDate", DATE, "s.evaluation_date"),
    Field("evaluationFailure", STRING, "s.failure", nullable=True),
    shown_only("result", STRING, "s.result"),
    Field("decisionDefinitionKey", KEY, "s.decision_key"),
    Field("decisionDefinitionId", STRING, "s.decision_id"),
    Field("decisionDefinitionName", STRING, "s.decision_name"),
    Field("decisionDefinitionVersion", INTEGER, "s.decision_version"),
    Field("decisionDefinitionType", ENUM, "s.decision_type", DECISION_TYPES),
    Field("rootDecisionDefinitionKey", KEY, "s.root_decision_key"),
    filter_only("decisionRequirementsKey", KEY, "s.requirements_key"),
    Field("processDefinitionKey", KEY, "s.process_definition_key", nullable=True),
    Field("processInstanceKey", KEY, "s.process_instance_key", nullable=True),
    shown_only("rootProcessInstanceKey", KEY, "s.root_key"),
    Field("elementInstanceKey", KEY, "s.element_instance_key", nullable=True),
    Field("businessId", STRING, "s.business_id", nullable=True),
    TENANT,
)
_INSTANCES = "decision_instances s"
_IDENTITY = ("s.evaluation_key", "s.number")

DECISION_INSTANCE = Entity("DECISION_INSTANCE", _INSTANCES, _IDENTITY, _INSTANCE_FIELDS)

#: The same with what may be long: asked for one at a time.
DECISION_INSTANCE_DETAILS = Entity(
    "DECISION_INSTANCE_DETAILS",
    _INSTANCES,
    _IDENTITY,
    (
        *_INSTANCE_FIELDS,
        shown_only("evaluatedInputs", OBJECTS, "s.inputs"),
        shown_only("matchedRules", OBJECTS, "s.rules"),
    ),
)

DECISIONS = (DECISION_DEFINITION, DECISION_REQUIREMENTS, DECISION_INSTANCE, DECISION_INSTANCE_DETAILS)
