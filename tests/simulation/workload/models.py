"""Random files that can be deployed: processes with every element, decisions, forms.

Processes come to an end when people, workers and senders do their part. Which kinds of block a process has is drawn
first, so that small models with few kinds stay frequent.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from tests.support import decisions as d
from tests.support import models as m

from . import events, structure, tasks
from .builder import Block, Builder
from .tasks import DECISION_ID, FORM_ID, VERSION_TAG

SIMPLE: tuple[Block, ...] = (
    tasks.script,
    tasks.user_task,
    tasks.manual,
    tasks.decide,
    tasks.receive,
    tasks.call,
    events.catch,
    events.throw,
    events.link,
    events.first_of,
    structure.bordered,
    structure.repeated,
    structure.undoable,
    structure.undone,
    structure.anyhow,
)
NESTED: tuple[Block, ...] = (
    structure.choice,
    structure.some,
    structure.either,
    structure.fork,
    structure.sub_process,
    structure.sub_process,
    structure.loop,
)

#: What starts processes, besides what `tests.support.models` has in every file.
_HEAD = (
    '<bpmn:signal id="signal-start" name="start" /><bpmn:message id="message-start" name="start" />',
    f'<bpmn:extensionElements><zeebe:versionTag value="{VERSION_TAG}" /></bpmn:extensionElements>',
)


def generate(random: Random, process_id: str, called: Sequence[str] = ()) -> bytes:
    """A model with one process, which calls only those that are `called`."""
    simple = random.sample(SIMPLE, random.choice([1, 2, 4, len(SIMPLE)]))
    nested = random.sample(NESTED, random.choice([1, 2, len(NESTED)]))
    builder = Builder(random, [tasks.job, tasks.job, *simple], nested, called)
    blocks = [builder.block(0) for _ in range(random.randint(1, 3))]
    if called and random.random() < 0.35:  # what is called rarely comes to its end
        blocks.insert(0, tasks.call(builder, 0))
    builder.add(m.terminate("end") if random.random() < 0.1 else m.end())
    starts = ["start"]
    if random.random() < 0.3:
        starts = [*events.event_starts(builder), *(starts if random.random() < 0.85 else [])]
        begin = builder.name("merge")
        builder.add(m.exclusive(begin), *(m.flow(start, begin) for start in starts))
        builder.connect(begin, blocks, "end")
    else:
        builder.connect("start", blocks, "end")
    if "start" in starts:
        form = [f'<zeebe:formDefinition formId="{FORM_ID}" />'] if random.random() < 0.1 else []
        builder.add(m.element("startEvent", "start", extensions=form))
    if random.random() < 0.25:
        events.handler(builder, 0)
    head, tag = _HEAD
    return m.model(head, m.process(process_id, *([tag] if random.random() < 0.3 else []), *builder.parts))


def generate_decisions(random: Random) -> bytes:
    """A decision table and what it requires."""
    rules = [("< 2", '"low"'), ("[2..3]", '"mid"'), ("> 2", '"high"')]
    policy = random.choice(["", "UNIQUE", "FIRST", "COLLECT", "RULE ORDER", "ANY"])
    table = d.table(["base"], ["out"], random.sample(rules, random.randint(1, 3)), policy=policy)
    tagged = f'<extensionElements><zeebe:versionTag value="{VERSION_TAG}" /></extensionElements>'
    head = tagged if random.random() < 0.4 else ""
    base = d.decision("base", head + d.literal(random.choice(["n", "n + 1", "count([n])"])), variable='name="base"')
    return d.model(base, d.decision(DECISION_ID, head + table, requires=["base"]))


def generate_form(random: Random) -> bytes:
    """A form; its title makes versions."""
    form = {"id": FORM_ID, "type": "default", "title": random.choice("abc"), "components": []}
    if random.random() < 0.4:
        form["versionTag"] = VERSION_TAG
    return msgspec.json.encode(form)
