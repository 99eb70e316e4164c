"""A story of faults: machines under load, to which a test does something; in the end the log is the witness.

`story` ends with the proof: log, state and index agree, and every answer that a client got is on the log once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.integration.installation import Installation, wait_until
from tests.integration.kafka_machines import Services, owned
from tests.integration.load import Load, check_answers

#: Requests acknowledged between one fault and the next.
ANSWERS = 60
#: Seconds between two requests of one of its clients: all of them together still have transactions open all the time.
PAUSE = 0.02


class Story:
    """A load on the first of some machines."""

    def __init__(self, machines: list[Installation], load: Load) -> None:
        self.machines = machines
        self._load = load
        self._runner = asyncio.Runner()

    def begin(self) -> None:
        self._runner.run(self._load.start())

    def work(self, answers: int = ANSWERS) -> None:
        """Until so many requests more have been acknowledged."""
        self._runner.run(self._load.reach(answers))

    def during(self, fault: Callable[[], None]) -> None:
        """Do something while clients go on, and until they have got answers again."""

        async def both() -> None:
            await asyncio.to_thread(fault)
            await self._load.reach(ANSWERS)

        self._runner.run(both())

    def end(self) -> None:
        """Let everything come to its end."""

        async def settle() -> None:
            await self._load.stop()
            for machine in self.machines:
                await asyncio.to_thread(machine.wait_ready)
            await self._load.settle()
            await self._load.close()

        self._runner.run(settle())

    def close(self) -> None:
        self._runner.close()


@contextmanager
def story(
    services: Services, name: str, folder: Path, machine_count: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Story]:
    """Machines under load; in the end they are stopped, and everything is compared. `settings`: RETOLD_… of theirs."""
    environment = {**services.environment(name), **(settings or {})}
    with ExitStack() as stack:
        machines = [
            stack.enter_context(Installation(folder / str(number), environment=environment))
            for number in range(machine_count)
        ]
        if machine_count == 2:
            wait_until(lambda: len(owned(machines[1])) == 1, "the second machine to own its share")
        load = Load(machines[0], seed=1, pause=PAUSE)
        told = Story(machines, load)
        stack.callback(told.close)
        told.begin()
        told.work()
        yield told
        told.end()
    services.verify(name, *machines)
    check_answers(load, services.source(name))
    print(f"{load.answers} acknowledged, refused: {dict(load.refusals)}")
