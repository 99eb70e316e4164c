"""Faults of an installation on Kafka and OpenSearch, in real processes: nothing is lost, and nothing happens twice.

After each the log is verified against state and index, and against every answer that a client got.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, VALUE_SIZE_MAX
from engine.core.record import REJECTION, command
from engine.records import Job
from engine.roles.protocol import EXPORTER, GATEWAY
from tests.integration.installation import PATIENCE, SUPERVISOR, Installation, wait_until
from tests.integration.kafka_machines import (
    Services,
    asleep,
    kill_again,
    owned,
    run_retold,
    wait_owned,
)
from tests.integration.load import Load, check_answers, read_events
from tests.service_fixtures import running
from tests.support.models import one_task

#: Requests acknowledged between one fault and the next.
ANSWERS = 60


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Services]:
    found = Services(tmp_path_factory.mktemp("services"))
    with running(found.broker, pytestconfig), running(found.node, pytestconfig):
        yield found


@pytest.fixture
def name() -> str:
    """Of an installation of its own."""
    return f"faults-{uuid.uuid4().hex[:8]}"


class Story:
    """A load on the first of some machines, to which a test does something."""

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
def story(services: Services, name: str, folder: Path, machine_count: int = 1) -> Iterator[Story]:
    """Machines under load; in the end they are stopped, and everything is compared."""
    with ExitStack() as stack:
        machines = [
            stack.enter_context(services.machine(name, folder / str(number))) for number in range(machine_count)
        ]
        if machine_count == 2:
            wait_until(lambda: len(owned(machines[1])) == 1, "the second machine to own its share")
        load = Load(machines[0], seed=1)
        told = Story(machines, load)
        stack.callback(told.close)
        told.begin()
        told.work()
        yield told
        told.end()
    services.verify(name, *machines)
    check_answers(load, services.source(name))
    print(f"{load.answers} acknowledged, refused: {dict(load.refusals)}")


def test_a_broker_that_is_restarted_or_killed(services: Services, name: str, tmp_path: Path) -> None:
    broker = services.broker

    def restart(end: Callable[[], None]) -> Callable[[], None]:
        def fault() -> None:
            end()
            broker.start()

        return fault

    with story(services, name, tmp_path) as told:
        told.during(restart(broker.stop))
        told.during(restart(broker.kill))


def test_processes_and_a_machine_are_killed(services: Services, name: str, tmp_path: Path) -> None:
    with story(services, name, tmp_path, machine_count=2) as told:
        first, second = told.machines
        (kept,), (lost,) = owned(first), owned(second)
        told.during(lambda: first.kill(f"partition-{kept}"))
        told.during(lambda: kill_again(first, f"partition-{kept}"))
        told.during(lambda: first.kill(EXPORTER))
        told.during(lambda: first.kill(GATEWAY))

        def lose_a_machine() -> None:
            second.kill(SUPERVISOR)
            # and who takes over dies while it does
            kill_again(first, f"partition-{lost}")
            wait_owned(first, kept, lost)

        told.during(lose_a_machine)
        told.during(second.start)
        wait_until(lambda: len(owned(second)) == 1, "the machine that came back to own its share")
        told.work()


def test_a_machine_sleeps_while_another_takes_over(services: Services, name: str, tmp_path: Path) -> None:
    with story(services, name, tmp_path, machine_count=2) as told:
        first, second = told.machines

        def sleep_until_replaced() -> None:
            with asleep(second):
                wait_owned(first, 1, 2)

        told.during(sleep_until_replaced)
        told.work()


def test_search_is_away_and_then_full(services: Services, name: str, tmp_path: Path) -> None:
    node = services.node
    block = "index.blocks.read_only_allow_delete"

    def set_block(value: bool | None) -> None:
        httpx.put(f"{node.address}/{name}-*/_settings", json={block: value}, timeout=PATIENCE).raise_for_status()

    def problems(machine: Installation) -> str:
        return httpx.get(f"{machine.url}/health/ready", timeout=PATIENCE).json()["parts"][EXPORTER]

    with story(services, name, tmp_path) as told:
        (machine,) = told.machines
        for begin, end in ((node.stop, node.start), (lambda: set_block(True), lambda: set_block(None))):
            told.during(begin)  # commands are taken and done all the same
            wait_until(lambda: problems(machine) != "UP", "the exporter to say what it waits for")
            told.during(end)
            wait_until(lambda: problems(machine) == "UP", "the exporter to go on")


def test_what_does_not_belong_on_the_commands_is_rejected(services: Services, name: str, tmp_path: Path) -> None:
    good = Assembly().codec.encode(command("JOB", "COMPLETE", Job(), key=1))
    garbage = [b"", b"hello, engine", good[:2] + b"\xee" * 8 + good[10:], good[:-1], bytes(VALUE_SIZE_MAX + 1)]
    producer = Producer({"bootstrap.servers": services.broker.internal_address, "message.max.bytes": 10_000_000})
    topic = services.connection(name).topic(COMMANDS)
    with services.machine(name, tmp_path) as machine, httpx.Client(base_url=f"{machine.url}/v2") as client:
        for value in garbage:
            producer.produce(topic, value, partition=0)
        assert producer.flush(PATIENCE) == 0
        refused = []
        producer.produce(topic, bytes(6_000_000), partition=0, on_delivery=lambda error, _: refused.append(error))
        assert producer.flush(PATIENCE) == 0
        assert "too large" in str(refused[0]).lower()
        files = {"resources": ("one.bpmn", one_task("one"), "text/xml")}
        client.post("/deployments", files=files).raise_for_status()
        keys = {
            client.post("/process-instances", json={"processDefinitionId": "one"})
            .raise_for_status()
            .json()["processInstanceKey"]
            for _ in range(4)
        }
        assert httpx.get(f"{machine.url}/health/ready").is_success
    services.verify(name, machine)
    records = [record for held, _ in asyncio.run(read_events(services.source(name))).values() for record in held]
    rejected = [record for record in records if record.record_type == REJECTION]
    assert [(one.value_type, one.rejection_code) for one in rejected] == [("INTAKE", "UNREADABLE")] * len(garbage)
    assert [one.value.size for one in rejected] == [len(value) for value in garbage]
    created = {str(record.key) for record in records if record.intent == "CREATED" and str(record.key) in keys}
    assert created == keys


def test_a_wrong_password_is_said_at_the_start(services: Services, name: str, tmp_path: Path) -> None:
    environment = {**services.environment(name), "RETOLD_KAFKA_SASL_PASSWORD": "wrong"}
    done = run_retold("run", "--data", str(tmp_path), "--port", "0", environment=environment)
    assert done.returncode == 1, done
    assert "to accept user 'admin'" in done.stderr
    assert "kafka.saslPassword" in done.stderr
    assert "Traceback" not in done.stderr


def test_topics_with_too_few_partitions_are_refused(services: Services, name: str, tmp_path: Path) -> None:
    with services.machine(name, tmp_path / "before"):
        pass
    environment = services.environment(name)
    arguments = ("run", "--data", str(tmp_path / "after"), "--port", "0", "--partitions", "3")
    done = run_retold(*arguments, environment=environment)
    assert done.returncode == 1, done
    assert "expected 3 partitions, got 2" in done.stderr
    assert "Traceback" not in done.stderr
