"""Faults of an installation on Kafka and OpenSearch, in real processes: nothing is lost, and nothing happens twice.

After each the log is verified against state and index, and against every answer that a client got.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, EVENTS, VALUE_SIZE_MAX
from engine.core.record import REJECTION, command
from engine.overview import read_overview
from engine.records import Job
from engine.roles.protocol import EXPORTER, GATEWAY, role_of_partition
from tests.integration.answering_proxy import AnsweringProxy, Judge, serving
from tests.integration.installation import PATIENCE, SUPERVISOR, Installation, wait_until
from tests.integration.kafka_machines import Services, asleep, owned, run_retold, wait_owned
from tests.integration.kafka_story import story
from tests.integration.load import read_events
from tests.service_fixtures import running
from tests.support.models import one_task

#: Seconds after which a member that is not heard of is taken for dead, and for which searches are away: longer than two
#: of the longest pauses between two tries of an exporter.
SESSION_SECONDS, AWAY_SECONDS = 6.0, 12.0
#: How often a phase that is short may be missed.
KILLS_MAX = 24


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Services]:
    found = Services(tmp_path_factory.mktemp("services"))
    with running(found.broker, pytestconfig), running(found.node, pytestconfig):
        yield found


@pytest.fixture
def name() -> str:
    """Of an installation of its own."""
    return f"faults-{uuid.uuid4().hex[:8]}"


def has_passed(seconds: float) -> Callable[[], bool]:
    """Whether so much time is over from now on: some faults are a matter of time."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def test_a_broker_that_is_restarted_killed_or_paused(services: Services, name: str, tmp_path: Path) -> None:
    broker = services.broker

    def restart(end: Callable[[], None]) -> Callable[[], None]:
        def fault() -> None:
            end()
            broker.start()

        return fault

    def pause() -> None:
        """For longer than a session: it wakes up and takes its members for dead."""
        broker.pause()
        wait_until(has_passed(SESSION_SECONDS + 2), "the session to be over")
        broker.resume()

    with story(services, name, tmp_path) as told:
        told.during(restart(broker.stop))
        told.during(restart(broker.kill))
        told.during(pause)


class Killer:
    """kill -9 of the process of a partition; `hits` counts the phases of its life in which that was."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self._random = random.Random(1)

    def at_work(self, machine: Installation, partition: int) -> None:
        """At any moment of its work: often between a transaction's begin and its end."""
        role = role_of_partition(partition)
        wait_until(lambda: role in machine.pids() and not problem_of(machine, role), f"{role} to work")
        wait_until(has_passed(self._random.random() / 2), "some moment")
        self._kill(machine, role, "at work")

    def in_recovery(self, machine: Installation, partition: int) -> None:
        """It has opened its state, and does not work yet; that is short, and may be over before it is seen."""
        role = role_of_partition(partition)
        self.at_work(machine, partition)
        wait_until(lambda: role in machine.pids(), f"the next {role}")
        deadline, pid = time.monotonic() + PATIENCE, machine.pids()[role]
        while not has_state(pid):  # without a pause
            assert time.monotonic() < deadline, f"expected {role} to open its state, got {problem_of(machine, role)!r}"
        self._kill(machine, role, "in recovery" if problem_of(machine, role) else "at work")

    def in_take_over(self, machine: Installation, partition: int, lose: Callable[[], object]) -> None:
        """It was a standby, and is told to be the owner, because another one is lost."""
        role = role_of_partition(partition)
        wait_until(lambda: role in machine.pids() and not problem_of(machine, role), f"{role} to follow")
        pid = machine.pids()[role]
        os.kill(pid, signal.SIGSTOP)  # it would be too quick to be caught
        lose()
        wait_until(lambda: partition in share_of(machine), f"{role} to be told")
        os.kill(pid, signal.SIGCONT)
        wait_until(has_passed(self._random.random() / 20), "some moment")
        self._kill(machine, role, "in take-over" if problem_of(machine, role) else "at work")

    def _kill(self, machine: Installation, role: str, phase: str) -> None:
        machine.kill(role)
        self.hits[phase] += 1


def its_own(machine: Installation) -> int:
    """The partition of one of two machines; they may have changed places, for a busy one is taken for dead."""
    wait_until(lambda: len(owned(machine)) == 1, "each machine to own its share")
    return owned(machine).pop()


def problem_of(machine: Installation, role: str) -> str:
    return read_overview(machine.data).parts.get(role, "")


def share_of(machine: Installation) -> Collection[int]:
    """The partitions that a machine shall own, whatever its processes do."""
    return {n for member in read_overview(machine.data).members if member.port == machine.port for n in member.owned}


def has_state(pid: int) -> bool:
    """Whether a process has opened the state of its partition."""
    try:
        return "/data.mdb" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def count_aborted(services: Services, name: str, partition: int) -> int:
    """Events that were sent and never committed: of a process that was killed in a transaction."""
    counts = []
    for level in ("read_uncommitted", "read_committed"):
        settings = {"bootstrap.servers": services.broker.internal_address, "group.id": name, "isolation.level": level}
        consumer = Consumer({**settings, "enable.partition.eof": True})
        consumer.assign([TopicPartition(services.connection(name).topic(EVENTS), partition - 1, 0)])
        count = 0
        while (message := consumer.poll(PATIENCE)) is not None and message.error() is None:
            count += 1
        end = message.error() if message is not None else None
        assert end is not None, f"expected the end of partition {partition}, got {count} events"
        assert end.code() == KafkaError._PARTITION_EOF, end
        consumer.close()
        counts.append(count)
    return counts[0] - counts[1]


def test_processes_are_killed_in_each_phase(services: Services, name: str, tmp_path: Path) -> None:
    killer = Killer()

    def aborted() -> int:
        return sum(count_aborted(services, name, partition) for partition in (1, 2))

    with story(services, name, tmp_path, machine_count=2) as told:
        first, second = told.machines
        while killer.hits["at work"] < 3 or not (aborted() and aborted()):  # one look may see what is under way
            told.during(lambda: killer.at_work(first, its_own(first)))
            assert killer.hits["at work"] < KILLS_MAX, "expected a kill in a transaction, got none"
        while killer.hits["in recovery"] < 2:
            told.during(lambda: killer.in_recovery(first, its_own(first)))
            assert killer.hits["at work"] < KILLS_MAX, killer.hits
        told.during(lambda: first.kill(EXPORTER))
        told.during(lambda: first.kill(GATEWAY))

        def lose_and_find_again(end: Callable[[], object]) -> None:
            """Lose the second machine; who takes over is killed, and takes over all the same."""
            killer.in_take_over(first, its_own(second), end)
            wait_owned(first, 1, 2)

        def come_back() -> None:
            second.start()
            its_own(second)

        while not killer.hits["in take-over"]:
            told.during(lambda: lose_and_find_again(lambda: second.kill(SUPERVISOR)))
            told.during(come_back)
            assert killer.hits["at work"] < KILLS_MAX, killer.hits
        told.during(lambda: lose_and_find_again(lambda: os.kill(second.pid, signal.SIGTERM)))
        second.stop()
        told.during(come_back)
    found = aborted()
    print(f"killed: {dict(killer.hits)}; events that were sent and never committed: {found}")
    assert found, "expected at least one kill in a transaction"


def test_a_machine_sleeps_while_another_takes_over(services: Services, name: str, tmp_path: Path) -> None:
    with story(services, name, tmp_path, machine_count=2) as told:
        first, second = told.machines

        def sleep_until_replaced() -> None:
            with asleep(second):
                wait_owned(first, 1, 2)

        told.during(sleep_until_replaced)
        told.work()


def test_search_is_away_overloaded_and_full_and_its_exporter_dies(
    services: Services, name: str, tmp_path: Path
) -> None:
    node = services.node
    block = "index.blocks.read_only_allow_delete"
    calm: Judge = lambda _path, _body: None  # noqa: E731

    def set_block(value: bool | None) -> None:
        httpx.put(f"{node.address}/{name}-*/_settings", json={block: value}, timeout=PATIENCE).raise_for_status()

    def problem(machine: Installation) -> str:
        return str(httpx.get(f"{machine.url}/health/ready", timeout=PATIENCE).json()["parts"][EXPORTER])

    def judge_by(proxy: AnsweringProxy, judge: Judge) -> None:
        proxy.judge = judge

    with serving(node.address) as proxy:
        with story(services, name, tmp_path, settings={"RETOLD_OPENSEARCH_URL": proxy.address}) as told:
            (machine,) = told.machines

            def stop() -> None:
                node.stop()
                wait_until(has_passed(AWAY_SECONDS), "the time for which it is away")

            for begin, end in (
                (stop, node.start),
                (lambda: judge_by(proxy, lambda _path, _body: 429), lambda: judge_by(proxy, calm)),
                (lambda: set_block(True), lambda: set_block(None)),
            ):
                told.during(begin)  # commands are taken and done all the same
                wait_until(lambda: problem(machine) != "UP", "the exporter to say what it waits for")
                told.during(end)
                wait_until(lambda: problem(machine) == "UP", "the exporter to go on")
            killed: list[int] = []

            def kill_before_the_position(path: str, _: bytes) -> int | None:
                """Everything is written and can be searched, but not how far that is."""
                if f"{name}-positions-" not in path or "/_doc/" not in path or len(killed) == 3:
                    return None
                pid = machine.pids().get(EXPORTER, 0)
                if pid and pid not in killed:
                    killed.append(pid)
                    os.kill(pid, signal.SIGKILL)
                return 503

            judge_by(proxy, kill_before_the_position)
            wait_until(lambda: len(killed) == 3, "the exporter to be killed three times")
            judge_by(proxy, calm)
            told.work()
        assert proxy.answered[429] > 0


def test_what_does_not_belong_on_the_commands_is_rejected(services: Services, name: str, tmp_path: Path) -> None:
    good = Assembly().codec.encode(command("JOB", "COMPLETE", Job(), key=1))
    unknown_schema = good[:2] + b"\xee" * 8 + good[10:]
    garbage = [b"", b"hello, engine", unknown_schema, good[:-1], bytes(VALUE_SIZE_MAX + 1), bytes(5_000_000)]
    producer = Producer({"bootstrap.servers": services.broker.internal_address, "message.max.bytes": 10_000_000})
    topic = services.connection(name).topic(COMMANDS)
    with services.machine(name, tmp_path) as machine, httpx.Client(base_url=f"{machine.url}/v2") as client:
        for value in garbage:
            producer.produce(topic, value, partition=0)
        assert producer.flush(PATIENCE) == 0
        refused = []
        producer.produce(topic, bytes(5 << 20), partition=0, on_delivery=lambda error, _: refused.append(error))
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
