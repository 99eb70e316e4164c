"""Random commands, sensible and senseless, over several partitions, with random groups and crashes.

Whatever happens: live state == replayed state per table, memory == LMDB, every batch operation's numbers add up, and
the bytes on the log depend on the commands alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from engine.core.record import Record, first_key, partition_of
from engine.operations.migrate_process_instance import Parameters
from engine.records import (
    Incident,
    Job,
    ProcessInstance,
    ProcessInstanceBusinessId,
    ProcessInstanceCreation,
    ProcessInstanceMigration,
    UserTask,
    VariableDocument,
)
from engine.records.intents import INTENTS
from engine.records.process_instance_creation import RuntimeInstruction, StartInstruction
from engine.shell.lmdb_store import LmdbStore
from engine.shell.memory_store import MemoryStore
from tests.support import models as m
from tests.support.actions import (
    CANCEL,
    CORRELATE,
    DELETE_INSTANCES,
    MIGRATE,
    RESOLVE,
    activation,
    batch,
    equal_elements,
    manage,
    migration,
)
from tests.support.scenario import ASSEMBLY, Scenario, make, replay

SETTINGS = {
    "chunk_size": 2,
    "db_chunk_size": 3,
    "query_page_size": 3,
    "slice_size": 2,
    "step_effects_max": 15,
    "continuation_rounds_max": 4,
    "query_retry_initial_delay_ms": 5,
    "due_per_tick_max": 2,
}
PRIORITY = '<zeebe:priorityDefinition priority="=if n = 1000000 then 1000 else 7" />'
MODELS = (
    m.one_task(),
    m.fan("fan", 5),
    m.endless("endless"),
    m.straight(
        "rich",
        m.element("userTask", "ask", extensions=["<zeebe:userTask />", PRIORITY]),
        m.sub_process(
            "sub",
            m.start("s") + m.job("inner") + m.end("e") + m.chain("s", "inner", "e"),
            extensions=[m.mapping([("=count(for i in 1..n return i)", "made")], [("=made", "out.x")])],
        ),
        m.boundary("caught", "sub", "error-a") + m.end("c") + m.chain("caught", "c"),
        names=["ask", "sub"],
    ),
)
DOCUMENTS = st.sampled_from(["", "{}", '{"n": 2}', '{"n": 1000000}', '{"n": "x", "b": [1, {"c": null}]}', "[", "7"])

FAILURES = st.sampled_from(["", "later", "large", "never"])

KEYS = [-1, 0, 7, first_key(2)]

#: Elements of the models above, and one of none.
ELEMENTS = st.sampled_from(["task", "join", "task0", "merge", "ask", "sub", "inner", "caught", "s", "e", "nobody"])
NAMES = st.sampled_from(["", "ada", "bob", "x" * 300])
DATES = st.sampled_from(["", "2030-01-02T03:04:05Z", "soon"])
CHANGES = st.lists(st.sampled_from(["candidateGroupsList", "candidateUsersList", "dueDate", "priority", "other"]))

Wish = Callable[[int], Record]


def job(value: Job, intent: str) -> Wish:
    return lambda key: make("JOB", intent, value, key, "g/1")


def task(intent: str, value: UserTask) -> Wish:
    return lambda key: make("USER_TASK", intent, value, key, "g/3")


def creations() -> st.SearchStrategy[ProcessInstanceCreation]:
    """Wishes for instances, with whatever a creation may ask for."""
    return st.builds(
        ProcessInstanceCreation,
        bpmn_process_id=st.sampled_from(["one", "fan", "endless", "rich", "none"]),
        version_tag=st.sampled_from(["", "", "", "tag"]),
        variables=DOCUMENTS,
        start_instructions=st.lists(st.builds(StartInstruction, element_id=ELEMENTS), max_size=3).map(tuple),
        runtime_instructions=st.lists(
            st.builds(RuntimeInstruction, type=st.just("TERMINATE_PROCESS_INSTANCE"), after_element_id=ELEMENTS),
            max_size=1,
        ).map(tuple),
        await_result=st.booleans(),
        fetch_variables=st.sampled_from([(), ("n",), ("nobody",)]),
        tags=st.sampled_from([(), ("t",), ("7",)]),
        business_id=NAMES,
    )


def wishes() -> st.SearchStrategy[Wish]:
    """What may be done to a key."""
    documents = DOCUMENTS.map(lambda text: Job(variables=text))
    failures = st.builds(
        Job, retries=st.integers(-1, 2), retry_backoff=st.integers(-1, 9), error_code=st.sampled_from(["A", "B", ""])
    )
    updates = st.builds(
        Job, retries=st.integers(0, 2), timeout=st.integers(0, 9), changed_attributes=st.just(("retries", "timeout"))
    )
    return st.one_of(
        documents.map(lambda value: job(value, "COMPLETE")),
        failures.map(lambda value: job(value, "FAIL")),
        failures.map(lambda value: job(value, "THROW_ERROR")),
        updates.map(lambda value: job(value, "UPDATE")),
        st.just(lambda key: make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key)),
        st.just(lambda key: make("INCIDENT", "RESOLVE", Incident(), key)),
        DOCUMENTS.map(lambda text: task("COMPLETE", UserTask(variables=text))),
        st.builds(
            lambda intent, name: task(intent, UserTask(assignee=name)), st.sampled_from(["ASSIGN", "CLAIM"]), NAMES
        ),
        st.builds(
            UserTask,
            candidate_groups=st.sampled_from([(), ("g",)]),
            candidate_users=st.sampled_from([(), ("u", "v")]),
            due_date=DATES,
            priority=st.sampled_from([0, 100, 101]),
            changed_attributes=CHANGES.map(tuple),
        ).map(lambda value: task("UPDATE", value)),
        NAMES.map(
            lambda name: (
                lambda key: make(
                    "PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN", ProcessInstanceBusinessId(business_id=name), key
                )
            )
        ),
        st.builds(
            lambda text, local: (
                lambda key: make(
                    "VARIABLE_DOCUMENT", "UPDATE", VariableDocument(scope_key=key, variables=text, local=local), key
                )
            ),
            DOCUMENTS,
            st.booleans(),
        ),
        st.sampled_from(["SUSPEND", "RESUME", "CANCEL"]).map(lambda intent: lambda key: manage(intent, key)),
    )


def check_results(s: Scenario) -> None:
    """Whoever awaits an instance is answered once, and only when it has ended."""
    happened = s.everything()
    awaited = {r.key for r in happened.all("PROCESS_INSTANCE_CREATION", "CREATED", await_result=True)}
    lives = happened.all("PROCESS_INSTANCE", element_type="PROCESS")
    ended = {r.key for r in lives if r.intent in ("ELEMENT_COMPLETED", "ELEMENT_TERMINATED")}
    assert sorted(r.key for r in happened.all("PROCESS_INSTANCE_RESULT")) == sorted(awaited & ended)
    assert s.rows().get("INSTANCES", 0) <= len({r.key for r in lives} - ended)


#: Types of batch operations -> a filter that finds what they are for.
BATCHES = {
    CANCEL: '{"everything": "yes"}',
    RESOLVE: '{"everything": "yes"}',
    CORRELATE: '{"everything": "yes"}',
    DELETE_INSTANCES: '{"state": {"$exists": true}}',
}


class Engine(RuleBasedStateMachine):
    """One run. Partitions step in any order; a group is appended when hypothesis says so."""

    @initialize(partitions=st.integers(1, 3), unique=st.booleans())
    def begin(self, partitions: int, unique: bool) -> None:
        self.s = Scenario(partitions, settings={**SETTINGS, "business_id_uniqueness": unique})
        self.s.deploy(*MODELS)
        self.s.group_size = 1 << 30

    def key(self, pick: int) -> int:
        """A key of something that the log knows, most likely of something new."""
        records = [r for p in self.s.partitions.values() for r in p.records if r.key > 0]
        return records[-1 - pick % len(records)].key

    @rule(wish=creations(), partition=st.integers(1, 3))
    def create(self, wish: ProcessInstanceCreation, partition: int) -> None:
        self.s.send(make("PROCESS_INSTANCE_CREATION", "CREATE", wish, request="g/2"), self.place(partition))

    @rule(wish=wishes(), pick=st.integers(0, 60))
    def act(self, wish: Wish, pick: int) -> None:
        record = wish(self.key(pick))
        self.s.send(record, self.place(partition_of(record.key)))

    @rule(limit=st.integers(0, 5), timeout=st.integers(0, 9), partition=st.integers(1, 3))
    def activate(self, limit: int, timeout: int, partition: int) -> None:
        self.s.send(activation("work", limit, timeout), self.place(partition))

    @rule(kind=st.sampled_from(sorted(BATCHES)), partition=st.integers(1, 3), failures=st.lists(FAILURES, max_size=3))
    def batch(self, kind: str, partition: int, failures: list[str]) -> None:
        self.s.search.failures += failures
        self.s.send(batch(kind, BATCHES[kind]), self.place(partition))

    @rule(picks=st.tuples(*[st.integers(0, 60)] * 3), partition=st.integers(1, 3), many=st.booleans())
    def migrate(self, picks: tuple[int, int, int], partition: int, many: bool) -> None:
        """Any instance, or all of them, from some definition to another one or to itself."""
        known = [r for r in self.s.records(1) if (r.value_type, r.intent) == ("PROCESS", "CREATED")]
        source, target = (known[pick % len(known)] for pick in picks[:2])
        mapping = equal_elements(source.value, target.value)
        record = migration(self.key(picks[2]), target.key, *mapping)
        if many:
            value = record.value
            assert isinstance(value, ProcessInstanceMigration)
            plan = Parameters(target_process_definition_key=target.key, mapping_instructions=value.mapping_instructions)
            record = batch(MIGRATE, parameters=plan)
        self.s.send(record, self.place(partition if many else partition_of(record.key)))

    @rule(family=st.sampled_from(sorted(INTENTS)), pick=st.integers(0, 5), key=st.sampled_from(KEYS))
    def nonsense(self, family: str, pick: int, key: int) -> None:
        """Any intent of any family, with nothing in it."""
        intents = [*INTENTS[family].commands, *INTENTS[family].internal, *INTENTS[family].events, "EXPLODE"]
        value = ASSEMBLY.codec._structs[family]()
        self.s.send(make(family, intents[pick % len(intents)], value, key), 1)

    @rule(data=st.binary(max_size=40), partition=st.integers(1, 3))
    def garbage(self, data: bytes, partition: int) -> None:
        self.s.send_bytes(data, self.place(partition))

    @rule(partition=st.integers(1, 3), steps=st.integers(1, 12))
    def work(self, partition: int, steps: int) -> None:
        for _ in range(steps):
            self.s.step(self.place(partition))

    @rule(partition=st.integers(1, 3))
    def commit(self, partition: int) -> None:
        self.s.flush(self.place(partition))

    @rule(partition=st.integers(1, 3))
    def search(self, partition: int) -> None:
        self.s.flush(self.place(partition))
        self.s.initialize(self.place(partition))

    @rule(partition=st.integers(1, 3))
    def export(self, partition: int) -> None:
        self.s.flush(self.place(partition))
        self.s.confirm(self.place(partition))

    @rule(partition=st.integers(1, 3), appended=st.booleans())
    def crash(self, partition: int, appended: bool) -> None:
        """Before the append, or between it and the commit."""
        number = self.place(partition)
        if appended and self.s.partitions[number].decided:
            self.s.append(number)
        self.s.crash(number)

    @rule(milliseconds=st.integers(0, 20), partition=st.integers(1, 3))
    def tick(self, milliseconds: int, partition: int) -> None:
        self.s.now += milliseconds
        self.s.tick(self.place(partition))

    def place(self, partition: int) -> int:
        return (partition - 1) % len(self.s.partitions) + 1

    def teardown(self) -> None:
        if hasattr(self, "s"):
            self.s.search.failures = []
            for _ in range(4):
                self.s.drain()
                self.s.now += 60_000
            self.s.advance(0)
            self.s.check()
            check_results(self.s)


def test_any_commands_in_any_order() -> None:
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def run_story(s: Scenario) -> Scenario:
    """A fixed run with something of everything."""
    s.deploy(*MODELS)
    for index in range(12):
        partition = index % len(s.partitions) + 1
        s.create(("one", "fan", "endless", "rich")[index % 4], '{"n": 3, "b": "ä"}', partition=partition)
    for partition in s.partitions:
        moment = s.when(activation("work", 20, 7), partition)
        for index, record in enumerate(moment.all("JOB", "ACTIVATED")):
            intent = ("COMPLETE", "FAIL", "THROW_ERROR", "")[index % 4]
            if intent:
                s.send(make("JOB", intent, Job(error_code="A", variables='{"n": 2}'), record.key))
    s.drain()
    s.advance(10)
    s.when(batch(RESOLVE))
    s.send(batch(CANCEL))
    for _ in range(20):
        s.one()
    s.drain()
    return s


@pytest.mark.parametrize("group_size", [1, 3, 1000])
def test_memory_is_lmdb_whatever_the_groups(tmp_path: Path, group_size: int) -> None:
    stores = [LmdbStore(tmp_path / str(number), 1 << 28) for number in range(3)]
    one = run_story(Scenario(3, settings=SETTINGS, group_size=group_size))
    two = run_story(Scenario(3, settings=SETTINGS, group_size=group_size, store=lambda number: stores[number - 1]))
    for number in one.partitions:
        assert one.partitions[number].events == two.partitions[number].events
        assert one.partitions[number].state.digests() == two.partitions[number].state.digests()
        state, machine = ASSEMBLY.machine(MemoryStore(), number, 3)
        replay(two.partitions[number].events, state, machine)
        assert state.digests() == two.partitions[number].state.digests()
    one.check()
    two.check()
    for store in stores:
        store.close()
