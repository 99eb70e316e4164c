"""Random BPMN models that can be deployed, and that come to an end when people and workers do their part.

Blocks within blocks: whatever is begun in a block ends in it, so every gateway that joins gets its tokens.
"""

from __future__ import annotations

from random import Random

from tests.support import models as m

JOB_TYPES = ("work", "pack", "send")
#: What scripts do; the last one may fail.
SCRIPTS = (
    "=n + 1",
    "=count(for i in 1..3 return i)",
    '=if n > 2 then "x" else null',
    '=assert(n, n != "text")',
)
#: Text and kind of timers; the last one may fail.
TIMES = (
    ("PT0.5S", "timeDuration"),
    ("P0DT4S", "timeDuration"),
    ('=now() + duration("PT2S")', "timeDate"),
    ("2001-01-01T00:00:00Z", "timeDate"),
    ('="PT" + string(n) + "S"', "timeDuration"),
)
CYCLES = (("R3/PT1S", "timeCycle"), ("R2/2001-01-01T00:00:00Z/PT2S", "timeCycle"))
#: Blocks within blocks.
DEPTH_MAX = 3
#: Elements of a model, about.
SIZE_MAX = 14


def generate(random: Random, process_id: str) -> bytes:
    """A model with one process."""
    builder = Builder(random)
    names = [builder.block(0) for _ in range(random.randint(1, 3))]
    builder.add(m.start(), m.end() if random.random() < 0.9 else m.terminate("end"))
    if random.random() < 0.2:
        names.insert(0, builder.timer_start())
    if random.random() < 0.2:
        builder.handler()
    builder.connect("start", names, "end")
    return m.model(m.process(process_id, *builder.parts))


class Builder:
    """Collects the elements of one scope. A block is known by its first and its last element."""

    def __init__(self, random: Random, count: list[int] | None = None) -> None:
        self.random = random
        self.parts: list[str] = []
        #: elements so far, shared by all scopes of a model
        self.count = count if count is not None else [0]

    def name(self, prefix: str) -> str:
        self.count[0] += 1
        return f"{prefix}{self.count[0]}"

    def add(self, *parts: str) -> None:
        self.parts += parts

    def connect(self, first: str, blocks: list[tuple[str, str]], last: str) -> None:
        """Flows from block to block."""
        ends = [first, *(end for _, end in blocks)]
        begins = [*(begin for begin, _ in blocks), last]
        self.add(*(m.flow(source, target) for source, target in zip(ends, begins, strict=True)))

    def block(self, depth: int) -> tuple[str, str]:
        """Something with one way in and one way out."""
        simple = [self.job, self.job, self.job, self.script, self.user_task, self.manual, self.wait, self.timed_job]
        nested = [self.choice, self.fork, self.sub_process, self.sub_process, self.loop]
        if depth >= DEPTH_MAX or self.count[0] >= SIZE_MAX:
            nested = []
        return self.random.choice([*simple, *nested])(depth)

    # one element

    def mappings(self) -> list[str]:
        if self.random.random() < 0.6:
            return []
        inputs = self.random.choice([[("=n", "local")], [("=n + 1", "n")], [("=n", "in.put")], []])
        outputs = self.random.choice([[("=local", "out")], [("=n", "result.value")], [("=done", "done")], []])
        return [m.mapping(inputs, outputs)] if inputs or outputs else []

    def job(self, _depth: int) -> tuple[str, str]:
        name = self.name("job")
        kind = "=kind" if self.random.random() < 0.08 else self.random.choice(JOB_TYPES)
        retries = self.random.choice(["", "", "1", "2", "=n"])
        self.add(m.job(name, kind, *self.mappings(), retries=retries))
        return name, name

    def script(self, _depth: int) -> tuple[str, str]:
        name = self.name("script")
        expression = self.random.choice(SCRIPTS)
        self.add(m.script(name, expression, self.random.choice(["n", "made"])))
        return name, name

    def user_task(self, _depth: int) -> tuple[str, str]:
        name = self.name("ask")
        kind = ["<zeebe:userTask />"] if self.random.random() < 0.8 else []
        extensions = [*kind, '<zeebe:assignmentDefinition assignee="=who" />'] if kind else []
        self.add(m.element("userTask", name, extensions=extensions))
        return name, name

    def manual(self, _depth: int) -> tuple[str, str]:
        name = self.name("step")
        self.add(m.element(self.random.choice(["manualTask", "task"]), name))
        return name, name

    # timers

    def wait(self, _depth: int) -> tuple[str, str]:
        name = self.name("wait")
        self.add(m.catch(name, m.timer(*self.random.choice(TIMES))))
        return name, name

    def timed_job(self, depth: int) -> tuple[str, str]:
        """With a boundary event that ends it, or with a reminder beside."""
        task, _ = self.job(depth)
        late, after = self.name("late"), self.name("after")
        if self.random.random() < 0.5:
            times = m.timer(*self.random.choice([*TIMES, *CYCLES]))
            over = self.name("over")
            self.add(m.boundary_event(late, task, times, cancelActivity="false"), m.end(over), m.chain(late, over))
            return task, task
        self.add(m.boundary_event(late, task, m.timer(*self.random.choice(TIMES))), m.exclusive(after))
        self.add(m.chain(task, after), m.chain(late, after))
        return task, after

    def timer_start(self) -> tuple[str, str]:
        """Another way into the process, some times."""
        begun, begin = self.name("begun"), self.name("merge")
        self.add(m.start_event(begun, m.timer(*self.random.choice(CYCLES))), m.exclusive(begin), m.chain(begun, begin))
        return begin, begin

    def handler(self) -> None:
        """An event sub-process."""
        inner = Builder(self.random, self.count)
        begun, end = self.name("begun"), self.name("end")
        interrupts = self.random.random() < 0.5
        times = m.timer(*self.random.choice(TIMES if interrupts else [*TIMES, *CYCLES]))
        inner.add(m.start_event(begun, times, isInterrupting="true" if interrupts else "false"), m.end(end))
        inner.connect(begun, [inner.block(DEPTH_MAX)], end)
        self.add(m.handler(self.name("handler"), *inner.parts))

    # elements around blocks

    def choice(self, depth: int) -> tuple[str, str]:
        split, merge = self.name("split"), self.name("merge")
        one, two = self.block(depth + 1), self.block(depth + 1)
        has_default = self.random.random() < 0.75
        self.add(m.exclusive(split, f"{split}_two" if has_default else ""), m.exclusive(merge))
        self.add(m.flow(split, one[0], "=n > 2", name=f"{split}_one"))
        condition = "" if has_default else "=n <= 2"
        self.add(m.flow(split, two[0], condition, name=f"{split}_two"), m.chain(one[1], merge), m.chain(two[1], merge))
        return split, merge

    def fork(self, depth: int) -> tuple[str, str]:
        fork, join = self.name("fork"), self.name("join")
        self.add(m.parallel(fork), m.parallel(join))
        for _ in range(self.random.randint(2, 3)):
            self.connect(fork, [self.block(depth + 1)], join)
        return fork, join

    def sub_process(self, depth: int) -> tuple[str, str]:
        name, after = self.name("sub"), self.name("after")
        inner = Builder(self.random, self.count)
        begin, end = self.name("begin"), self.name("end")
        blocks = [inner.block(depth + 1) for _ in range(self.random.randint(1, 2))]
        ends = [m.end(end), m.end(end), m.terminate(end), m.error_end(end, "error-a"), m.error_end(end, "error-b")]
        inner.add(m.start(begin), self.random.choice(ends))
        inner.connect(begin, blocks, end)
        self.add(
            m.sub_process(name, *inner.parts, extensions=self.mappings()), m.exclusive(after), m.chain(name, after)
        )
        for error in self.random.choice([[], ["error-a"], [""], ["error-a", "error-b"], ["error-b", ""]]):
            caught = self.name("caught")
            self.add(m.boundary(caught, name, error), m.chain(caught, after))
        return name, after

    def loop(self, depth: int) -> tuple[str, str]:
        """Goes round until its counter has reached a number."""
        begin, again, counter = self.name("merge"), self.name("again"), self.name("count")
        variable = f"turns{self.count[0]}"
        self.add(m.exclusive(begin), m.exclusive(again, f"{again}_out"))
        self.add(m.script(counter, f"=if {variable} = null then 1 else {variable} + 1", variable))
        self.connect(begin, [self.block(depth + 1), (counter, counter)], again)
        out = self.name("out")
        self.add(m.task(out), m.flow(again, out, name=f"{again}_out"))
        self.add(m.flow(again, begin, f"={variable} < {self.random.randint(1, 3)}"))
        return begin, out
