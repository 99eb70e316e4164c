"""The processes that benchmarks run: a start event, one element that waits, an end event."""

from __future__ import annotations

_MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="definitions" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="{process_id}" isExecutable="true">
    <bpmn:startEvent id="start" />
    <bpmn:sequenceFlow id="to-task" sourceRef="start" targetRef="task" />
    {waiting}
    <bpmn:sequenceFlow id="to-end" sourceRef="task" targetRef="end" />
    <bpmn:endEvent id="end" />
  </bpmn:process>
  <bpmn:signal id="signal" name="go" />
</bpmn:definitions>
"""


def _model(process_id: str, waiting: str) -> bytes:
    return _MODEL.format(process_id=process_id, waiting=waiting).encode()


def _catch(definition: str) -> str:
    return f'<bpmn:intermediateCatchEvent id="task">{definition}</bpmn:intermediateCatchEvent>'


ONE_TASK = _model(
    "one-task",
    '<bpmn:serviceTask id="task"><bpmn:extensionElements><zeebe:taskDefinition type="work" /></bpmn:extensionElements>'
    "</bpmn:serviceTask>",
)
#: Until the point in time that the variable `due` names.
WAITS_FOR_TIME = _model(
    "waits-for-time",
    _catch("<bpmn:timerEventDefinition><bpmn:timeDate>=due</bpmn:timeDate></bpmn:timerEventDefinition>"),
)
#: For the signal `go`.
WAITS_FOR_SIGNAL = _model("waits-for-signal", _catch('<bpmn:signalEventDefinition signalRef="signal" />'))
