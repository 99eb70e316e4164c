"""What became of a process instance, for whoever started it and waits: PROCESS_INSTANCE_RESULT.

Rule: the one who waits is in the state, so an instance that ends answers, however many steps and restarts later.
"""

from __future__ import annotations

from engine.core.effects import Effects, Event
from engine.core.head import apply_nothing
from engine.core.record import DEFAULT_TENANT
from engine.core.registry import Part
from engine.records import ProcessInstanceResult

from .execution import Execution
from .variables import visible_variables

#: Bytes of the variables in a result: its record stays below the limit of 4 MiB.
RESULT_VARIABLES_SIZE_MAX = 4_128_768


def tell_result(execution: Execution, intent: str) -> Effects:
    """The instance is about to be COMPLETED or TERMINATED: answer who waits for it, if anyone does."""
    instance = execution.instance
    if not instance.awaited:
        return
    variables, problem = "", ""
    if intent == "COMPLETED":
        variables = visible_variables(execution.view, execution.instance_key, instance.fetch_variables)
        size = len(variables.encode())
        if size > RESULT_VARIABLES_SIZE_MAX:
            problem = (
                f"expected variables of at most {RESULT_VARIABLES_SIZE_MAX} bytes in the result of process instance "
                f"{execution.instance_key}, which has completed, got {size}; fetch some of them only"
            )
            variables = ""
    value = ProcessInstanceResult(
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        bpmn_version=execution.definition.bpmn_version,
        variables=variables,
        error_message=problem,
        tags=instance.tags,
        business_id=instance.business_id,
        tenant_id=DEFAULT_TENANT,
    )
    yield Event(
        value_type="PROCESS_INSTANCE_RESULT",
        intent=intent,
        key=execution.instance_key,
        value=value,
        request=instance.request,
    )


PART = Part(
    appliers={
        ("PROCESS_INSTANCE_RESULT", "COMPLETED"): apply_nothing,
        ("PROCESS_INSTANCE_RESULT", "TERMINATED"): apply_nothing,
    },
)
