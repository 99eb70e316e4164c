"""Builds random models of blocks: what is begun in a block ends in it, so gateways that join get all their tokens.

A block is something with one way in and one way out, known by its first and its last element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.support import models as m

Ends = tuple[str, str]

#: Blocks within blocks.
DEPTH_MAX = 3
#: Elements of a model, about.
SIZE_MAX = 14


class Builder:
    """Collects the elements of one scope.

    `simple`, `nested`: what blocks may be; `called`: ids of processes that may be called. In what is `quiet` nothing is
    thrown that may begin it again, so that models come to an end.
    """

    def __init__(
        self,
        random: Random,
        simple: Sequence[Block],
        nested: Sequence[Block],
        called: Sequence[str],
        *,
        count: list[int] | None = None,
        quiet: bool = False,
    ) -> None:
        self.random = random
        self.simple = simple
        self.nested = nested
        self.called = called
        self.quiet = quiet
        self.parts: list[str] = []
        #: elements so far, shared by all scopes of a model
        self.count = count if count is not None else [0]

    def inside(self, *, quiet: bool = False) -> Builder:
        """Of a scope in this one."""
        quiet = quiet or self.quiet
        return Builder(self.random, self.simple, self.nested, self.called, count=self.count, quiet=quiet)

    def name(self, prefix: str) -> str:
        self.count[0] += 1
        return f"{prefix}{self.count[0]}"

    def add(self, *parts: str) -> None:
        self.parts += parts

    def connect(self, first: str, blocks: Sequence[Ends], last: str) -> None:
        """Flows from block to block."""
        ends = [first, *(end for _, end in blocks)]
        begins = [*(begin for begin, _ in blocks), last]
        self.add(*(m.flow(source, target) for source, target in zip(ends, begins, strict=True)))

    def block(self, depth: int) -> Ends:
        """Any one."""
        nested = [] if depth >= DEPTH_MAX or self.count[0] >= SIZE_MAX else self.nested
        return self.random.choice([*self.simple, *nested])(self, depth)

    def content(self, depth: int, end: Callable[[Builder, str], str] | None = None, first: str = "") -> str:
        """Blocks from a start event, or from `first`, to an end event. Gives the id of the first element."""
        begin, last = first or self.name("begin"), self.name("end")
        blocks = [self.block(depth + 1) for _ in range(self.random.randint(1, 2))]
        self.add("" if first else m.start(begin), end(self, last) if end else m.end(last))
        self.connect(begin, blocks, last)
        return begin

    def mappings(self) -> list[str]:
        """None, most of the time."""
        if self.random.random() < 0.6:
            return []
        inputs = self.random.choice([[("=n", "local")], [("=n + 1", "n")], [("=n", "in.put")], []])
        return [m.mapping(inputs, self.outputs())]

    def outputs(self) -> list[tuple[str, str]]:
        return self.random.choice([[("=local", "out")], [("=n", "result.value")], [("=done", "done")], []])

    def output_mappings(self) -> list[str]:
        """For what has no inputs."""
        outputs = self.outputs() if self.random.random() < 0.3 else []
        return [m.mapping([], outputs)] if outputs else []


Block = Callable[[Builder, int], Ends]
