"""Script tasks: a FEEL expression, or a job for a worker."""

from __future__ import annotations

import msgspec

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Element
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..variables import Scope, encode_value
from ..work import Work
from .job_task import JobTask


class ScriptTask(JobTask):
    """Evaluates its expression when it is activated; the result is a variable."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        script = element.script
        if script is None:
            yield from super().activate(execution, element, key, data)
            return
        try:
            result = encode_value(script.result, script.expression.evaluate(Scope(execution.view, key)))
        except EvaluationFailure as failure:
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", f"script: {failure}", resume=resume)
            return
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        data = msgspec.json.encode({script.result: msgspec.Raw(result.encode())}).decode()
        execution.push(Work(kinds.COMPLETE, key, data=data))
