"""BPMN models for tests, written as small as what they are about. Flows are named `source_target`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MODELS = Path(__file__).parent.parent / "models"

_HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="file">'
    '<bpmn:error id="error-a" errorCode="A" /><bpmn:error id="error-b" errorCode="B" />'
    '<bpmn:error id="error-feel" errorCode="=code" />'
    '<bpmn:escalation id="escalation-a" escalationCode="A" /><bpmn:escalation id="escalation-b" escalationCode="B" />'
    '<bpmn:escalation id="escalation-feel" escalationCode="=code" />'
    '<bpmn:signal id="signal-a" name="a" /><bpmn:signal id="signal-feel" name="=name" />'
    '<bpmn:message id="message-a" name="a"><bpmn:extensionElements><zeebe:subscription correlationKey="=key" />'
    "</bpmn:extensionElements></bpmn:message>"
    '<bpmn:message id="message-b" name="b"><bpmn:extensionElements><zeebe:subscription correlationKey="=key" />'
    "</bpmn:extensionElements></bpmn:message>"
    '<bpmn:message id="message-feel" name="=name"><bpmn:extensionElements>'
    '<zeebe:subscription correlationKey="=key" /></bpmn:extensionElements></bpmn:message>'
)


def model(*processes: str) -> bytes:
    """A file with these processes."""
    return f"{_HEAD}{''.join(processes)}</bpmn:definitions>".encode()


def process(process_id: str, *parts: str) -> str:
    return f'<bpmn:process id="{process_id}" isExecutable="true">{"".join(parts)}</bpmn:process>'


def read_model(name: str) -> bytes:
    """A file of `tests/models`."""
    return (MODELS / name).read_bytes()


def chain(*names: str) -> str:
    """Sequence flows from each element to the next."""
    return "".join(flow(source, target) for source, target in pairwise(names))


def flow(source: str, target: str, condition: str = "", *, name: str = "") -> str:
    inner = f"<bpmn:conditionExpression>{escape(condition)}</bpmn:conditionExpression>" if condition else ""
    identity = name or f"{source}_{target}"
    return f'<bpmn:sequenceFlow id="{identity}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'


def element(tag: str, name: str, /, *inner: str, extensions: Sequence[str] = (), **attributes: str) -> str:
    """A flow node; `extensions` go into its extensionElements."""
    given = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    held = f"<bpmn:extensionElements>{''.join(extensions)}</bpmn:extensionElements>" if extensions else ""
    return f'<bpmn:{tag} id="{name}"{given}>{held}{"".join(inner)}</bpmn:{tag}>'


def start(name: str = "start") -> str:
    return element("startEvent", name)


def end(name: str = "end") -> str:
    return element("endEvent", name)


def terminate(name: str) -> str:
    return element("endEvent", name, "<bpmn:terminateEventDefinition />")


def error_end(name: str, error: str) -> str:
    return element("endEvent", name, f'<bpmn:errorEventDefinition errorRef="{error}" />')


def boundary(name: str, host: str, error: str = "") -> str:
    """An error boundary event; without an error it catches every code."""
    reference = f' errorRef="{error}"' if error else ""
    return element("boundaryEvent", name, f"<bpmn:errorEventDefinition{reference} />", attachedToRef=host)


def timer(text: str, kind: str = "timeDuration") -> str:
    """A timer event definition."""
    return f"<bpmn:timerEventDefinition><bpmn:{kind}>{escape(text)}</bpmn:{kind}></bpmn:timerEventDefinition>"


def message(reference: str = "message-a") -> str:
    """A message event definition. The messages `a` and `b` have the correlation key `key`."""
    return f'<bpmn:messageEventDefinition messageRef="{reference}" />'


def escalation(reference: str = "") -> str:
    """An escalation event definition; without reference it catches every escalation."""
    return f"<bpmn:escalationEventDefinition{f' escalationRef={quoteattr(reference)}' if reference else ''} />"


def signal(reference: str = "signal-a") -> str:
    """A signal event definition."""
    return f'<bpmn:signalEventDefinition signalRef="{reference}" />'


def error(reference: str = "") -> str:
    """An error event definition; without reference it catches every error."""
    return f"<bpmn:errorEventDefinition{f' errorRef={quoteattr(reference)}' if reference else ''} />"


def compensation(activity: str = "") -> str:
    """A compensation event definition; `activity`: the one that an event that throws has undone, else all."""
    return f"<bpmn:compensateEventDefinition{f' activityRef={quoteattr(activity)}' if activity else ''} />"


def association(source: str, target: str) -> str:
    return f'<bpmn:association id="{source}-{target}" sourceRef="{source}" targetRef="{target}" />'


def undoes(name: str, host: str) -> str:
    """A compensation boundary event on `host`, and its association with the activity `name`."""
    return boundary_event(f"{host}_undone", host, compensation()) + association(f"{host}_undone", name)


def undo_job(name: str, host: str, job_type: str = "", *extensions: str) -> str:
    """A service task that undoes `host`; the type of its job is its name unless told."""
    held = (definition(job_type or name), *extensions)
    return element("serviceTask", name, extensions=held, isForCompensation="true") + undoes(name, host)


def link(name: str) -> str:
    """A link event definition."""
    return f"<bpmn:linkEventDefinition name={quoteattr(name)} />"


def throw(name: str, definition: str = "", *extensions: str) -> str:
    """An intermediate throw event; without definition a none event."""
    return element("intermediateThrowEvent", name, definition, extensions=extensions)


def end_event(name: str, definition: str) -> str:
    return element("endEvent", name, definition)


def receive(name: str, reference: str = "message-a", *inner: str, extensions: Sequence[str] = ()) -> str:
    return element("receiveTask", name, *inner, extensions=extensions, messageRef=reference)


def start_event(name: str, definition: str, **attributes: str) -> str:
    return element("startEvent", name, definition, **attributes)


def catch(name: str, definition: str, *extensions: str) -> str:
    return element("intermediateCatchEvent", name, definition, extensions=extensions)


def boundary_event(name: str, host: str, definition: str, **attributes: str) -> str:
    return element("boundaryEvent", name, definition, attachedToRef=host, **attributes)


def handler(name: str, *parts: str) -> str:
    """An event sub-process."""
    return element("subProcess", name, *parts, triggeredByEvent="true")


def event_gateway(name: str) -> str:
    return element("eventBasedGateway", name)


def task(name: str) -> str:
    return element("task", name)


def exclusive(name: str, default: str = "") -> str:
    return element("exclusiveGateway", name, **({"default": default} if default else {}))


def inclusive(name: str, default: str = "") -> str:
    return element("inclusiveGateway", name, **({"default": default} if default else {}))


def parallel(name: str) -> str:
    return element("parallelGateway", name)


def definition(job_type: str, retries: str = "") -> str:
    given = f" retries={quoteattr(retries)}" if retries else ""
    return f"<zeebe:taskDefinition type={quoteattr(job_type)}{given} />"


def mapping(inputs: Sequence[tuple[str, str]] = (), outputs: Sequence[tuple[str, str]] = ()) -> str:
    """Input and output mappings, as pairs of source and target."""
    lines = [f"<zeebe:input source={quoteattr(s)} target={quoteattr(t)} />" for s, t in inputs]
    lines += [f"<zeebe:output source={quoteattr(s)} target={quoteattr(t)} />" for s, t in outputs]
    return f"<zeebe:ioMapping>{''.join(lines)}</zeebe:ioMapping>"


def job(name: str, job_type: str = "work", *extensions: str, retries: str = "") -> str:
    return element("serviceTask", name, extensions=(definition(job_type, retries), *extensions))


def script(name: str, expression: str, result: str, *extensions: str) -> str:
    held = f"<zeebe:script expression={quoteattr(expression)} resultVariable={quoteattr(result)} />"
    return element("scriptTask", name, extensions=(held, *extensions))


def call(name: str, process_id: str, *extensions: str, **attributes: str) -> str:
    """A call activity; `attributes` of its zeebe:calledElement."""
    given = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    held = f"<zeebe:calledElement processId={quoteattr(process_id)}{given} />"
    return element("callActivity", name, extensions=(held, *extensions))


def multi(activity: str, items: str = "=items", *inner: str, sequential: bool = False, **loop: str) -> str:
    """The activity, once for each item. `loop`: more of zeebe:loopCharacteristics; `inner`: more of the marker."""
    given = "".join(f" {key}={quoteattr(value)}" for key, value in {"inputCollection": items, **loop}.items())
    marker = (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}"><bpmn:extensionElements>'
        f"<zeebe:loopCharacteristics{given} /></bpmn:extensionElements>{''.join(inner)}"
        "</bpmn:multiInstanceLoopCharacteristics>"
    )
    end = activity.rindex("</")
    return f"{activity[:end]}{marker}{activity[end:]}"


def completion_condition(text: str) -> str:
    """Inside the marker of a multi-instance activity."""
    return f"<bpmn:completionCondition>{escape(text)}</bpmn:completionCondition>"


def sub_process(name: str, *parts: str, extensions: Sequence[str] = ()) -> str:
    return element("subProcess", name, *parts, extensions=extensions)


def ad_hoc(
    name: str,
    /,
    *parts: str,
    active: str = "",
    condition: str = "",
    collects: tuple[str, str] | None = None,
    extensions: Sequence[str] = (),
    **attributes: str,
) -> str:
    """An ad-hoc sub-process. `collects`: its output collection and output element."""
    given = {"activeElementsCollection": active} if active else {}
    if collects:
        given |= {"outputCollection": collects[0], "outputElement": collects[1]}
    settings = "".join(f" {key}={quoteattr(value)}" for key, value in given.items())
    held = (f"<zeebe:adHoc{settings} />", *extensions) if given else extensions
    over = f"<bpmn:completionCondition>{escape(condition)}</bpmn:completionCondition>" if condition else ""
    return element("adHocSubProcess", name, *parts, over, extensions=held, **attributes)


def one_task(process_id: str = "one", job_type: str = "work", retries: str = "") -> bytes:
    """start, a job, end."""
    parts = (start(), job("task", job_type, retries=retries), end(), chain("start", "task", "end"))
    return model(process(process_id, *parts))


def straight(process_id: str, *parts: str, names: Sequence[str]) -> bytes:
    """start, the elements in a row, end."""
    return model(process(process_id, start(), *parts, end(), chain("start", *names, "end")))


def fan(process_id: str, count: int) -> bytes:
    """A parallel gateway with `count` jobs that a second one joins."""
    names = [f"task{index}" for index in range(count)]
    parts = [start(), parallel("fork"), parallel("join"), end(), chain("start", "fork"), chain("join", "end")]
    parts += [job(name) + chain("fork", name, "join") for name in names]
    return model(process(process_id, *parts))


def endless(process_id: str, *parts: str, names: Sequence[str] = ()) -> bytes:
    """A process that goes in a circle for ever, over the given elements."""
    flows = chain("start", "merge", "turn", *names) + flow(("turn", *names)[-1], "merge")
    return model(process(process_id, start(), exclusive("merge"), task("turn"), *parts, flows))
