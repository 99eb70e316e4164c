"""Business rule tasks: a decision that the engine evaluates, or a job for a worker.

Source: Camunda 8 "Business rule tasks"; incidents and records as Zeebe has them.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from engine.bpmn.feel import EvaluationFailure, Expression, brief
from engine.bpmn.model import CalledDecision, Element
from engine.core.effects import Effects
from engine.core.faults import Reject

from .. import work as kinds
from ..decisions import VERSIONS, evaluated, evaluation_of
from ..execution import Execution
from ..variables import Scope
from ..work import Work
from .job_task import JobTask


class BusinessRuleTask(JobTask):
    """Evaluates its decision when it is activated; the result is a variable."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        decision = element.decision
        if decision is None:
            yield from super().activate(execution, element, key, data)
            return
        scope = Scope(execution.view, key)
        resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
        try:
            decision_key = _find(execution, decision, scope)
        except EvaluationFailure as failure:
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=resume)
            return
        except Reject as refusal:
            yield execution.incident(key, "CALLED_DECISION_ERROR", refusal.reason, resume=resume)
            return
        value = structs.replace(
            evaluation_of(execution.view, decision_key, scope),
            bpmn_process_id=execution.process_id,
            process_definition_key=execution.definition_key,
            process_instance_key=execution.instance_key,
            root_process_instance_key=execution.root_key,
            element_id=element.id,
            element_instance_key=key,
            business_id=execution.instance.business_id,
        )
        yield evaluated(execution.view, value)
        if value.evaluation_failure_message:
            message = value.evaluation_failure_message
            yield execution.incident(key, "DECISION_EVALUATION_ERROR", message, resume=resume)
            return
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        result = msgspec.json.encode({decision.result: msgspec.Raw(value.decision_output.encode())}).decode()
        execution.push(Work(kinds.COMPLETE, key, data=result))


def _find(execution: Execution, decision: CalledDecision, scope: Scope) -> int:
    """The key of the decision that is meant. Raises EvaluationFailure, and Reject if there is none."""
    view = execution.view
    decision_id = _text(decision.decision_id, "the id of the decision", scope)
    return VERSIONS.find_bound(
        view,
        decision_id,
        decision.binding,
        execution.definition.deployment_key,
        lambda tag: _text(tag, "the version tag", scope),
    )


def _text(expression: Expression, what: str, scope: Scope) -> str:
    value = expression.evaluate(scope)
    if not isinstance(value, str) or not value:
        raise EvaluationFailure(f"expected {what} '{expression.text}' to be a string, got {brief(value)}")
    return value
