"""The reference model agrees with logs that are right, and notices every one of many that are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest

from engine.bpmn.parse import parse
from engine.core.background import Query
from engine.core.ports import COMMANDS, INTERNAL, Entry, SelectedItem
from engine.core.record import EVENT, Record
from engine.records import DecisionEvaluation, Deployment, Signal
from engine.records.deployment import Resource
from tests.property.test_machine import SETTINGS, run_story
from tests.simulation.model import LogEntry, PartitionLog, Verdict, check, decode_entries, examine
from tests.simulation.random_stories import Story
from tests.support import decisions as d
from tests.support import models as m
from tests.support.actions import (
    CANCEL,
    RESOLVE,
    activate,
    batch,
    complete,
    correlate,
    fail,
    manage,
    publish,
    throw,
)
from tests.support.scenario import CODEC, Scenario, make
from tests.support.search import Search

Log = list[LogEntry]


def logs_of(s: Scenario) -> dict[int, PartitionLog]:
    s.flush_all()
    return {
        number: PartitionLog(
            commands=decode_entries(partition.inputs[COMMANDS], CODEC),
            internal=decode_entries(partition.inputs[INTERNAL], CODEC),
            events=decode_entries(
                [Entry(offset=i, timestamp=0, value=v) for i, v in enumerate(partition.events)], CODEC
            ),
        )
        for number, partition in s.partitions.items()
    }


def examine_scenario(s: Scenario) -> Verdict:
    return examine(logs_of(s))


def assert_agrees(s: Scenario, skipped: list[str] | None = None) -> None:
    assert examine_scenario(s) == Verdict(differences=[], skipped=skipped or []), s.log()


# what is right


@pytest.mark.parametrize("group_size", [1, 7])
def test_a_story_with_something_of_everything(group_size: int) -> None:
    s = run_story(Scenario(3, settings=SETTINGS, group_size=group_size))
    assert_agrees(s, ["selection by everything"])


def test_calls() -> None:
    s = Scenario()
    call = m.process("p", m.start(), m.call("call", "one"), m.end(), m.chain("start", "call", "end"))
    s.deploy(m.model(call), m.one_task())
    s.create("p")
    for job in activate(s):
        complete(s, job, '{"n": 1}')
    assert_agrees(s)


NAMES = (
    "error-events exclusive-gateway implicit job-tasks loop mappings one-task parallel-gateway pass-through "
    "script-task sub-processes terminate user-tasks"
)


@pytest.mark.parametrize("name", NAMES.split())
def test_models_of_the_tests(name: str) -> None:
    resource = m.read_model(f"{name}.bpmn")
    s = Scenario(settings={"step_effects_max": 20, "continuation_rounds_max": 5})
    s.deploy(resource)
    for graph in parse(resource, name):
        for text in ("", '{"n": 1, "code": "A", "amount": 200}'):
            s.create(graph.id, text)
    for record in s.everything().all("JOB", "CREATED"):
        complete(s, record.key, '{"done": true}')
    assert_agrees(s)


#: What the model does not know; see `tests/README.md`.
LOOKED_AWAY = ("instructions that end what is active", "migration", "rejection EXCEEDED_LIMIT")


@pytest.mark.parametrize("seed", range(40))
def test_random_models_with_whatever_may_be_done(seed: int) -> None:
    """Small steps, so that instances pause, and commands that come in between."""
    s = Story(seed).tell()
    s.check()
    verdict = examine(logs_of(s), now=s.now)
    assert verdict.differences == []
    assert {name for name in verdict.skipped if not name.startswith(LOOKED_AWAY)} == set()


def test_batch_operations_on_several_partitions() -> None:
    s = Scenario(3, settings={"slice_size": 2, "chunk_size": 2, "query_page_size": 2, "step_effects_max": 30})
    s.deploy(m.one_task(), m.fan("fan", 20))
    keys = [s.create(random, partition=p) for p in s.partitions for random in ("one", "one", "fan", "fan")]
    for key in activate(s, partition=1)[:4]:
        fail(s, key)
    s.when(batch(RESOLVE, '{"processDefinitionId": "one"}'))
    s.when(batch(CANCEL, '{"processDefinitionId": "one"}', excluded_keys=(keys[0],)))
    s.send(batch(CANCEL, '{"processDefinitionId": "fan"}'), 2)
    for _ in range(12):
        s.one()
    key = s.partitions[2].machine.last_key
    created = [r.key for r in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")]
    assert created[-1] <= key
    for intent in ("SUSPEND", "RESUME", "CANCEL"):
        s.when(manage(intent, created[-1]))
    s.when(batch(CANCEL, "", item_keys=(keys[0], 7)))
    s.when(manage("SUSPEND", created[0])).rejected("INVALID_STATE")
    assert_agrees(s)


def test_a_batch_operation_that_is_canceled_on_its_way() -> None:
    s = Scenario(2, settings={"slice_size": 1})
    s.deploy(m.one_task())
    for partition in (1, 1, 1, 2):
        s.create("one", partition=partition)
    s.send(batch(CANCEL, '{"processDefinitionId": "one"}'), 1)
    while not s.everything().all("BATCH_OPERATION_ITEM"):
        s.one()
    (key,) = {record.key for record in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")}
    s.when(manage("SUSPEND", key))
    s.when(manage("CANCEL", key))
    assert s.everything().one("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "CANCELED").value.canceled > 0
    assert_agrees(s)


def test_a_join_that_got_its_tokens_twice_lets_its_scope_end() -> None:
    parts = [
        m.start() + m.task("again") + m.script("count", "=n + 1", "n") + m.exclusive("gate", "gate_stop"),
        m.parallel("join") + m.end("stop") + m.end("done") + m.chain("start", "again", "count", "gate", "stop"),
        m.flow("again", "join", name="f1") + m.flow("again", "join", name="f2") + m.chain("join", "done"),
        m.flow("gate", "again", "=n < 2"),
    ]
    s = Scenario()
    s.deploy(m.model(m.process("p", *parts)))
    s.create("p", '{"n": 0}')
    assert_agrees(s)
    assert s.is_empty()


def test_what_it_does_not_know_is_told_by_name() -> None:
    s = run_story(Scenario(1, settings=SETTINGS))
    (log,) = logs_of(s).values()
    first = next(at for at, entry in enumerate(log.events) if entry.record and entry.record.value_type == "JOB")
    changed = list(log.events)
    record = changed[first].record
    assert record is not None
    changed[first] = msgspec.structs.replace(changed[first], record=msgspec.structs.replace(record, intent="YIELDED"))
    verdict = examine({1: msgspec.structs.replace(log, events=changed)})
    assert "event JOB YIELDED" in verdict.skipped


# what is wrong


def story() -> Scenario:
    """Small enough to plant a difference in every record of it."""
    s = Scenario(2, settings={"slice_size": 2})
    inside = m.start("s") + m.job("inner") + m.end("e") + m.chain("s", "inner", "e")
    parts = m.start() + m.sub_process("sub", inside, extensions=[m.mapping([("=n + 1", "n")], [("=n", "out")])])
    parts += m.boundary("caught", "sub", "error-a") + m.end("c") + m.chain("caught", "c")
    parts += m.element("userTask", "ask", extensions=["<zeebe:userTask />"]) + m.chain("start", "sub", "ask")
    s.deploy(m.one_task(), m.model(m.process("rich", parts)))
    for name in ("one", "one", "rich", "rich", "rich"):
        s.create(name, '{"n": 1}')
    jobs = activate(s, timeout=5)
    fail(s, jobs[0])
    complete(s, jobs[2], '{"n": 5}')
    throw(s, jobs[3], "A")
    fail(s, jobs[4], retries=1, backoff=9)
    s.advance(20)
    s.when(batch(RESOLVE, '{"processDefinitionId": "one"}'))
    for name in ("one", "rich"):
        s.when(batch(CANCEL, f'{{"processDefinitionId": "{name}"}}'))
    return s


def wide_story() -> Scenario:
    """Messages and signals over partitions, a call, a decision, an activity for each item of a list, timers."""
    s = Scenario(2, settings={"step_effects_max": 60})
    decision = d.model(d.decision("rate", d.literal("n + 1")))
    rule = '<zeebe:calledDecision decisionId="rate" resultVariable="rated" />'
    parts = [
        m.start() + m.call("call", "one") + m.element("businessRuleTask", "rule", extensions=[rule]),
        m.event_gateway("gate") + m.catch("told", m.message()) + m.catch("late", m.timer("PT1H")),
        m.multi(m.job("each", "many"), "=[1, 2]", outputCollection="all", outputElement="=rated"),
        m.throw("tell", m.signal()) + m.catch("wait", m.signal()) + m.end(),
        m.chain("start", "call", "rule", "gate", "told", "each", "tell", "wait", "end")
        + m.chain("gate", "late", "end"),
    ]
    begun = m.process("begun", m.start_event("start", m.message("message-b")), m.task("t"), m.chain("start", "t"))
    files = {"wide.bpmn": m.model(m.process("wide", *parts)), "rate.dmn": decision, "begun.bpmn": m.model(begun)}
    files["one.bpmn"] = m.one_task()
    resources = tuple(Resource(resource_name=name, resource=file) for name, file in files.items())
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=resources)), 1)
    for key in ("k1", "k2"):
        s.create("wide", f'{{"n": 1, "key": "{key}"}}')
        publish(s, "b", key, time_to_live=50)
    for job in activate(s):
        complete(s, job)
    publish(s, "a", "k1", '{"x": 1}', time_to_live=1_000)
    correlate(s, "a", "k2")
    for job in activate(s, "many"):
        complete(s, job)
    s.when(make("SIGNAL", "BROADCAST", Signal(signal_name="a")), 2)
    s.when(make("DECISION_EVALUATION", "EVALUATE", DecisionEvaluation(decision_id="rate", variables='{"n": 2}')), 2)
    s.advance(2_000)
    return s


def replace(log: PartitionLog, at: int, record: Record | None) -> PartitionLog:
    """The log with another record there, or without it."""
    events = list(log.events)
    if record is None:
        del events[at]
    else:
        events[at] = msgspec.structs.replace(events[at], record=record)
    return msgspec.structs.replace(log, events=events)


#: Records that only say how work was divided into steps.
UNTOLD = ("PROCESS_INSTANCE_CONTINUATION",)


@pytest.mark.parametrize("told", [story, wide_story])
def test_no_event_can_be_missing(told: Callable[[], Scenario]) -> None:
    logs = logs_of(told())
    assert check(logs) == []
    unnoticed = []
    for partition, log in logs.items():
        for at, entry in enumerate(log.events):
            record = entry.record
            assert record is not None
            if record.record_type != EVENT or record.value_type in UNTOLD:
                continue
            if not check({**logs, partition: replace(log, at, None)}):
                unnoticed.append(f"{record.value_type} {record.intent}")
    assert unnoticed == []


def change(name: str, value: object) -> Callable[[Record], Record | None]:
    """Another value in a field, where there is such a field."""

    def changed(record: Record) -> Record | None:
        before = getattr(record.value, name, value)
        if before == value or (isinstance(before, int) and before < 0):
            return None
        return msgspec.structs.replace(record, value=msgspec.structs.replace(record.value, **{name: value}))

    return changed


#: What is planted: (value type, how its records are changed).
PLANTED: list[tuple[str, Callable[[Record], Record | None]]] = [
    ("VARIABLE", change("value", "42")),
    ("VARIABLE", change("name", "other")),
    ("VARIABLE", change("scope_key", 7)),
    ("JOB", lambda r: change("retries", 9)(r) if r.intent in ("CREATED", "FAILED", "UPDATED") else None),
    ("JOB", lambda r: change("type", "other")(r) if r.intent == "CREATED" else None),
    ("JOB", lambda r: change("deadline", 1)(r) if r.intent == "ACTIVATED" else None),
    ("INCIDENT", lambda r: change("error_type", "UNKNOWN")(r) if r.intent == "CREATED" else None),
    ("PROCESS_INSTANCE", change("element_id", "other")),
    ("PROCESS_INSTANCE", change("flow_scope_key", 7)),
    ("PROCESS", change("bpmn_version", 5)),
    ("BATCH_OPERATION_ITEM", lambda r: msgspec.structs.replace(r, intent="SKIPPED")),
    ("BATCH_OPERATION_ITEM", lambda r: msgspec.structs.replace(r, key=r.key + 1)),
    ("BATCH_OPERATION_ITEM", change("error_code", "OTHER")),
    ("BATCH_OPERATION_PARTITION_LIFECYCLE", change("completed", 77)),
    ("BATCH_OPERATION_PARTITION_LIFECYCLE", change("total", 77)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", change("failed", 77)),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", lambda r: msgspec.structs.replace(r, intent="CANCELED")),
    ("BATCH_OPERATION_INITIALIZATION", change("total", 77)),
    ("BATCH_OPERATION_CHUNK", change("items", ())),
    ("BATCH_OPERATION_EXECUTION", change("item_count", 19)),
]


@pytest.mark.parametrize("number", range(len(PLANTED)))
def test_a_planted_difference_is_noticed(number: int) -> None:
    value_type, plant = PLANTED[number]
    logs = logs_of(story())
    planted, unnoticed = 0, []
    for partition, log in logs.items():
        for at, entry in enumerate(log.events):
            record = entry.record
            if record is None or record.record_type != EVENT or record.value_type != value_type:
                continue
            changed = plant(record)
            if changed is not None and changed != record:
                planted += 1
                if not check({**logs, partition: replace(log, at, changed)}):
                    unnoticed.append(f"{record.value_type} {record.intent} at {at}")
    assert planted
    assert unnoticed == []


class Forgetful(Search):
    """Does not find one of the instances."""

    def __init__(self, forgotten: int) -> None:
        super().__init__()
        self.forgotten = forgotten

    def select(self, query: Query, records: Sequence[Record]) -> list[SelectedItem]:
        return [item for item in super().select(query, records) if item.item_key != self.forgotten]


def test_a_selection_that_lacks_an_item_is_noticed() -> None:
    s = Scenario()
    s.deploy(m.one_task())
    keys = [s.create("one") for _ in range(3)]
    s.search = Forgetful(keys[1])
    s.when(batch(CANCEL, '{"processDefinitionId": "one"}'))
    (difference,) = check(logs_of(s))
    assert f"item {keys[1]} is missing" in difference


def test_a_command_without_an_outcome_is_noticed() -> None:
    s = story()
    logs = logs_of(s)
    log = logs[1]
    lost = msgspec.structs.replace(log.commands[-1], offset=len(log.commands))
    wrong = check({**logs, 1: msgspec.structs.replace(log, commands=[*log.commands, lost])})
    assert wrong == [d for d in wrong if "has no outcome" in d]
    assert len(wrong) == 1


def test_what_is_thrown_and_caught() -> None:
    """Errors and escalations in event sub-processes and on borders, links, an inclusive gateway."""

    def handler(name: str, definition: str, **attributes: str) -> str:
        begun = m.start_event(f"{name}_begun", definition, **attributes)
        return m.handler(name, begun, m.end(f"{name}_end"), m.chain(f"{name}_begun", f"{name}_end"))

    beside = handler("beside", m.escalation("escalation-a"), isInterrupting="false")
    tells = (m.throw("tell", m.escalation("escalation-a")), m.throw("away", m.link("L")), m.catch("here", m.link("L")))
    flows = (m.chain("s", "tell", "which"), m.flow("which", "away", "=x > 1"), m.flow("which", "t", "=x > 0"))
    sub = m.sub_process("sub", m.start("s"), *tells, m.inclusive("which"), m.job("t"), *flows, beside)
    stop = m.boundary_event("stop", "sub", m.error("error-b"))
    around = handler("around", m.error())
    s = Scenario(settings=SETTINGS)
    s.deploy(m.model(m.process("p", m.start(), sub, stop, around, m.chain("start", "sub"))))
    for x, code in ((2, "A"), (1, "B"), (0, ""), (3, "")):
        s.create("p", f'{{"x": {x}}}')
        for key in activate(s):
            if code:
                throw(s, key, code, '{"why": 1}')
            else:
                complete(s, key)
    assert_agrees(s)


def test_what_is_undone_has_completed_and_is_undone_once() -> None:
    s = Scenario(settings=SETTINGS)
    parts = (m.start(), m.task("book"), m.undo_job("cancel", "book", "work"), m.throw("back", m.compensation()))
    s.deploy(m.model(m.process("p", *parts, m.end(), m.chain("start", "book", "back", "end"))))
    s.create("p")
    for key in activate(s):
        complete(s, key)
    assert s.is_empty()
    logs = logs_of(s)
    assert check(logs) == []
    family = "COMPENSATION_SUBSCRIPTION"
    places = [at for at, entry in enumerate(logs[1].events) if entry.record and entry.record.value_type == family]
    assert len(places) == 3
    for at in places:
        assert "undone" in " ".join(check({1: replace(logs[1], at, None)}))
