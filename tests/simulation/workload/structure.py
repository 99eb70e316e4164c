"""Blocks with blocks inside: gateways, loops, sub-processes, and activities with something on their border."""

from __future__ import annotations

from tests.support import models as m

from .builder import DEPTH_MAX, SIZE_MAX, Builder, Ends
from .events import border, end, handler
from .tasks import JOB_TYPES, call, decide, job, manual, receive, script, user_task


def choice(builder: Builder, depth: int) -> Ends:
    split, merge = builder.name("split"), builder.name("merge")
    one, two = builder.block(depth + 1), builder.block(depth + 1)
    has_default = builder.random.random() < 0.75
    builder.add(m.exclusive(split, f"{split}_two" if has_default else ""), m.exclusive(merge))
    builder.add(m.flow(split, one[0], "=n > 2", name=f"{split}_one"))
    condition = "" if has_default else "=n <= 2"
    builder.add(m.flow(split, two[0], condition, name=f"{split}_two"), m.chain(one[1], merge), m.chain(two[1], merge))
    return split, merge


def some(builder: Builder, depth: int) -> Ends:
    """An inclusive gateway; its branches end where they are, in a sub-process of their own."""
    name, inner = builder.name("some"), builder.inside()
    begin, split = builder.name("begin"), builder.name("which")
    flows = [f"{split}_{number}" for number in range(builder.random.randint(2, 3))]
    default = flows[-1] if builder.random.random() < 0.8 else ""
    inner.add(m.start(begin), m.inclusive(split, default), m.flow(begin, split))
    for number, flow in enumerate(flows):
        branch, over = inner.block(depth + 1), builder.name("over")
        condition = "" if flow == default else f"=n > {number}"
        inner.add(m.flow(split, branch[0], condition, name=flow), m.end(over), m.flow(branch[1], over))
    builder.add(m.sub_process(name, *inner.parts))
    return name, name


def either(builder: Builder, depth: int) -> Ends:
    """An inclusive gateway whose branches another one joins."""
    split, join = builder.name("which"), builder.name("joined")
    flows = [f"{split}_{number}" for number in range(builder.random.randint(2, 3))]
    builder.add(m.inclusive(split, flows[-1]), m.inclusive(join))
    for number, flow in enumerate(flows):
        branch = builder.block(depth + 1)
        builder.add(m.flow(split, branch[0], "" if flow == flows[-1] else f"=n > {number}", name=flow))
        builder.add(m.flow(branch[1], join))
    return split, join


def fork(builder: Builder, depth: int) -> Ends:
    fork, join = builder.name("fork"), builder.name("join")
    builder.add(m.parallel(fork), m.parallel(join))
    for _ in range(builder.random.randint(2, 3)):
        builder.connect(fork, [builder.block(depth + 1)], join)
    return fork, join


def sub_process(builder: Builder, depth: int) -> Ends:
    """With whatever end, event sub-processes inside and events on its border."""
    name, after = builder.name("sub"), builder.name("after")
    inner = builder.inside()
    inner.content(depth, end)
    if builder.random.random() < 0.25:
        handler(inner, depth)
    builder.add(m.sub_process(name, *inner.parts, extensions=builder.mappings()), m.exclusive(after))
    builder.add(m.chain(name, after))
    if builder.random.random() < 0.7:
        border(builder, name, after, is_scope=True)
    return name, after


def bordered(builder: Builder, depth: int) -> Ends:
    """A task with events on its border."""
    activity = builder.random.choice([job, job, user_task, receive, call])
    host, _ = activity(builder, depth)
    after = builder.name("after")
    builder.add(m.exclusive(after), m.chain(host, after))
    border(builder, host, after, is_scope=host.startswith("call"))
    return host, after


def loop(builder: Builder, depth: int) -> Ends:
    """Goes round until its counter has reached a number."""
    begin, again, counter = builder.name("merge"), builder.name("again"), builder.name("count")
    variable = f"turns{builder.count[0]}"
    builder.add(m.exclusive(begin), m.exclusive(again, f"{again}_out"))
    builder.add(m.script(counter, f"=if {variable} = null then 1 else {variable} + 1", variable))
    builder.connect(begin, [builder.block(depth + 1), (counter, counter)], again)
    out = builder.name("out")
    builder.add(m.task(out), m.flow(again, out, name=f"{again}_out"))
    builder.add(m.flow(again, begin, f"={variable} < {builder.random.randint(1, 3)}"))
    return begin, out


def repeated(builder: Builder, depth: int) -> Ends:
    """An activity once for each item of a list, all at once or one after the other."""
    random = builder.random
    kinds = [job, job, user_task, receive, script, decide, call]
    if depth < DEPTH_MAX and builder.count[0] < SIZE_MAX:
        kinds.append(inner_sub_process)
    name, _ = random.choice(kinds)(builder, depth)
    loop: dict[str, str] = {"inputElement": "item"} if random.random() < 0.7 else {}
    if random.random() < 0.5:
        loop |= {"outputCollection": "results", "outputElement": random.choice(["=made", "=item", "=result.value"])}
    condition = m.completion_condition("=numberOfCompletedInstances >= 1") if random.random() < 0.25 else ""
    items = random.choice(["=[1, 2]", "=[n]", "=for i in 1..n return i", "=[]", "=[3, 2, 1]"])
    repeated = m.multi(builder.parts.pop(), items, condition, sequential=random.random() < 0.5, **loop)
    builder.add(repeated)
    return name, name


def inner_sub_process(builder: Builder, depth: int) -> Ends:
    name, inner = builder.name("sub"), builder.inside()
    inner.content(depth)
    builder.add(m.sub_process(name, *inner.parts))
    return name, name


def undoable(builder: Builder, depth: int) -> Ends:
    """A job, or a sub-process, that can be undone; of a sub-process, what is in it, too."""
    random = builder.random
    is_scope = depth < DEPTH_MAX and builder.count[0] < SIZE_MAX and random.random() < 0.4
    host, _ = (inner_sub_process if is_scope else job)(builder, depth)
    if not is_scope or random.random() < 0.5:
        builder.add(m.undo_job(builder.name("undo"), host, random.choice(JOB_TYPES)))
    return host, host


def undone(builder: Builder, depth: int) -> Ends:
    """And an event that has it undone, or all that has completed around it."""
    (host, _), thrower = undoable(builder, depth), builder.name("back")
    builder.add(m.throw(thrower, m.compensation(builder.random.choice(["", host]))), m.flow(host, thrower))
    return host, thrower


def anyhow(builder: Builder, _depth: int) -> Ends:
    """An ad-hoc sub-process."""
    name, inner, random = builder.name("anyhow"), builder.inside(), builder.random
    tasks = [random.choice([job, manual, script])(inner, 0)[0] for _ in range(random.randint(1, 3))]
    if len(tasks) > 1 and random.random() < 0.3:
        inner.add(m.flow(tasks[0], tasks[1]))
        tasks.pop(1)
    chosen = random.sample(tasks, random.randint(1, len(tasks)))
    active = "=[" + ", ".join(f'"{task}"' for task in chosen) + "]"
    collects = ("results", "=made") if random.random() < 0.3 else None
    condition = random.choice(["", "", "=true", "=n > 2"])
    builder.add(m.ad_hoc(name, *inner.parts, active=active, condition=condition, collects=collects))
    return name, name
