"""Blocks that are one task."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from tests.support import models as m

from .builder import Builder, Ends

JOB_TYPES = ("work", "pack", "send")
DECISION_ID, FORM_ID, VERSION_TAG = "rate", "sheet", "stable"
#: What scripts do; the last one may fail.
SCRIPTS = (
    "=n + 1",
    "=count(for i in 1..3 return i)",
    '=if n > 2 then "x" else null',
    '=assert(n, n != "text")',
)


def job_definition(builder: Builder) -> str:
    kind = "=kind" if builder.random.random() < 0.08 else builder.random.choice(JOB_TYPES)
    return m.definition(kind, builder.random.choice(["", "", "1", "2", "=n"]))


def job(builder: Builder, _depth: int) -> Ends:
    """Any task that a worker does."""
    name = builder.name("job")
    tag = builder.random.choice(
        ["serviceTask", "serviceTask", "serviceTask", "sendTask", "businessRuleTask", "scriptTask"]
    )
    headers = ['<zeebe:taskHeaders><zeebe:header key="h" value="v" /></zeebe:taskHeaders>']
    extensions = [job_definition(builder), *builder.mappings(), *(headers if builder.random.random() < 0.2 else [])]
    if builder.random.random() < 0.3:
        priority = builder.random.choice(["7", "-2", "=n", "=-n"])
        extensions.append(f"<zeebe:jobPriorityDefinition priority={quoteattr(priority)} />")
    builder.add(m.element(tag, name, extensions=extensions))
    return name, name


def script(builder: Builder, _depth: int) -> Ends:
    name = builder.name("script")
    builder.add(m.script(name, builder.random.choice(SCRIPTS), builder.random.choice(["n", "made"])))
    return name, name


def binding(builder: Builder) -> str:
    """Attributes that say which version is meant."""
    kinds = ["", "", ' bindingType="latest"', ' bindingType="deployment"']
    return builder.random.choice([*kinds, f' bindingType="versionTag" versionTag="{VERSION_TAG}"'])


def user_task(builder: Builder, _depth: int) -> Ends:
    """Of both kinds, with or without a form."""
    name, random = builder.name("ask"), builder.random
    is_native = random.random() < 0.8
    extensions = ["<zeebe:userTask />"] if is_native else []
    if is_native and random.random() < 0.8:
        extensions.append('<zeebe:assignmentDefinition assignee="=who" />')
    if is_native and random.random() < 0.2:
        extensions.append('<zeebe:taskSchedule dueDate="2030-01-02T03:04:05Z" />')
        extensions.append('<zeebe:priorityDefinition priority="=n" />')
    if random.random() < 0.3:
        extensions.append(f"<zeebe:formDefinition formId={quoteattr(FORM_ID)}{binding(builder)} />")
    builder.add(m.element("userTask", name, extensions=extensions))
    return name, name


def manual(builder: Builder, _depth: int) -> Ends:
    name = builder.name("step")
    builder.add(m.element(builder.random.choice(["manualTask", "task"]), name))
    return name, name


def decide(builder: Builder, _depth: int) -> Ends:
    """A decision that may not be deployed."""
    name, random = builder.name("rule"), builder.random
    id_ = random.choice([DECISION_ID, DECISION_ID, "base", f'="{DECISION_ID}"', "none"])
    attributes = (
        f"decisionId={quoteattr(id_)} resultVariable={quoteattr(random.choice(['n', 'made']))}{binding(builder)}"
    )
    held = [f"<zeebe:calledDecision {attributes} />", *builder.mappings()]
    builder.add(m.element("businessRuleTask", name, extensions=held))
    return name, name


def receive(builder: Builder, _depth: int) -> Ends:
    name = builder.name("receive")
    reference = builder.random.choice(["message-a", "message-b", "message-feel"])
    builder.add(m.receive(name, reference, extensions=builder.output_mappings()))
    return name, name


def call(builder: Builder, depth: int) -> Ends:
    """An instance of a process that is called by no other way round, so that calls end."""
    if builder.quiet or not builder.called:
        return job(builder, depth)
    name, random = builder.name("call"), builder.random
    id_ = random.choice([*builder.called, *builder.called, f'="{builder.called[0]}"', "none"])
    attributes = f"processId={quoteattr(id_)}{binding(builder)}"
    for which in ("Child", "Parent"):
        if random.random() < 0.3:
            attributes += f' propagateAll{which}Variables="{random.choice(["true", "false"])}"'
    if random.random() < 0.1:
        attributes += ' businessId="=who"'
    builder.add(
        m.element("callActivity", name, extensions=[f"<zeebe:calledElement {attributes} />", *builder.mappings()])
    )
    return name, name
