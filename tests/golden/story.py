"""The story that the golden log tells: something of everything that can be on a log, on two partitions.

Whoever adds an intent adds a line here; `test_golden.py` names those that are missing.
"""

from __future__ import annotations

import msgspec

from engine.core.head import SOURCES, Source
from engine.core.ports import COMMANDS, Entry
from engine.core.record import Record, Step, command, partition_of
from engine.operations import modify_process_instance as modifying
from engine.operations import set_variables as setting
from engine.operations import update_job
from engine.records import Job, PartitionMessage, ProcessInstance, ProcessInstanceCreation, Schema, Settings
from engine.records.log_generation import InputPlace, LogGeneration
from engine.shell.generations import decide_generation
from tests.golden.story_of_ad_hoc import choose
from tests.golden.story_of_calls import call_processes
from tests.golden.story_of_compensation import undo
from tests.golden.story_of_decisions import decide
from tests.golden.story_of_deletions import forget
from tests.golden.story_of_ends import tell_the_ends
from tests.golden.story_of_events import wait_for_events
from tests.golden.story_of_identities import know_people
from tests.golden.story_of_migration import change_definitions
from tests.golden.story_of_pace import fall_silent, forget_while_silent, hold_and_pause, keep_a_pace, yield_to_clients
from tests.golden.story_of_plans import plan
from tests.golden.story_of_repetition import repeat
from tests.golden.story_of_restarts import begin_again, let_go
from tests.property.test_machine import SETTINGS, run_story
from tests.support import models as m
from tests.support.actions import (
    CANCEL,
    MODIFY,
    RESOLVE,
    RESUME,
    SET_VARIABLES,
    SUSPEND,
    UPDATE_JOBS,
    activate,
    activation,
    assign,
    assign_business_id,
    batch,
    claim,
    complete,
    complete_user_task,
    creation,
    end_after,
    fail,
    manage,
    resolve,
    set_variables,
    update,
    update_user_task,
)
from tests.support.scenario import CODEC, Scenario, make

PARTITIONS = 2
#: Steps within which what a story waits for must happen.
STEPS_MAX = 500


def tell() -> Scenario:
    """The whole story; the same at every call."""
    s = Scenario(PARTITIONS, settings=SETTINGS, build="golden")
    register_a_schema(s)
    run_story(s)
    work_on_jobs(s)
    work_on_user_tasks(s)
    await_results(s)
    refuse(s)
    give_up_searching(s)
    change_many(s)
    move_many(s)
    suspend_and_abort(s)
    lose_items(s)
    keep_a_pace(s)
    hold_and_pause(s)
    yield_to_clients(s)
    fall_silent(s)
    forget_while_silent(s)
    tell_the_ends(s)
    plan(s)
    know_people(s)
    speak_of_claims_and_traces(s)
    decide(s)
    wait_for_events(s)
    call_processes(s)
    repeat(s)
    undo(s)
    choose(s)
    begin_again(s)
    let_go(s)
    forget(s)
    change_definitions(s)
    restore_the_topics(s)
    return s


def register_a_schema(s: Scenario) -> None:
    value = Schema(name="CLOCK", fingerprint=f"{CODEC.fingerprints['CLOCK']:016x}", text=CODEC.schema_texts["CLOCK"])
    for number in s.partitions:
        s.when_internal(command("SCHEMA", "REGISTER", value), number).accepted()


def work_on_jobs(s: Scenario) -> None:
    """A back-off that ends, a time-out, changes of a job, and an incident that is resolved."""
    s.create("one", '{"n": 1}', partition=2)
    (key,) = activate(s, partition=2, limit=1)
    update(s, key, retries=5, timeout=50).accepted()
    fail(s, key, retries=2, backoff=5, message="later").accepted()
    s.advance(5)
    (key,) = activate(s, partition=2, limit=1, timeout=3)
    s.advance(3)
    (key,) = activate(s, partition=2, limit=1)
    incident = fail(s, key, variables='{"seen": true}').one("INCIDENT", "CREATED")
    update(s, key, retries=1).accepted()
    resolve(s, incident.key).accepted()
    complete(s, key, '{"done": [1, 2.5, "ä", null]}')


def work_on_user_tasks(s: Scenario) -> None:
    instance = s.create("rich", '{"n": 2}')
    task = s.everything().all("USER_TASK", "CREATED", process_instance_key=instance)[-1].key
    set_variables(s, instance, '{"n": 3, "more": "x"}').accepted()
    assign(s, task, "ann", "hand over").accepted()
    assign(s, task, "").accepted()
    claim(s, task, "bob").accepted()
    update_user_task(s, task, "priority", "candidateGroupsList", priority=80, candidate_groups=("a", "b")).accepted()
    complete_user_task(s, task, '{"answer": true}', "approve").accepted()


def await_results(s: Scenario) -> None:
    """Of an instance that completes, and of one that is ended behind an element before which it was started."""
    began = s.when(creation("one", '{"n": 1}', await_result=True, tags=("a", "b"), fetch_variables=("n",)), 2)
    assign_business_id(s, began.one("PROCESS_INSTANCE_CREATION", "CREATED").key, "order 7").accepted()
    job = began.one("JOB", "CREATED")
    activate(s, partition=2)
    complete(s, job.key).one("PROCESS_INSTANCE_RESULT", "COMPLETED")
    ending = end_after("ask")
    began = s.when(creation("rich", start=("ask",), await_result=True, business_id="b", runtime_instructions=ending), 1)
    task = began.one("USER_TASK", "CREATED")
    complete_user_task(s, task.key).one("PROCESS_INSTANCE_RESULT", "TERMINATED")


def refuse(s: Scenario) -> None:
    """Rejections of all kinds: garbage, what only the engine may say, what is not there, what was said before."""
    s.send_bytes(b"no record", 2)
    inputs = s.partitions[1].inputs[COMMANDS]
    inputs.append(Entry(offset=len(inputs), timestamp=s.now, value=b"\xc3\x01", headers={"request": "g/9"}))
    s.send(make("JOB", "COMPLETED", Job(), s.create("one")))
    s.send(make("PARTITION_MESSAGE", "SENT", PartitionMessage()), 1)
    s.send(make("JOB", "COMPLETE", Job(variables="["), 7), 1)
    s.send(make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="nobody")), 2)
    s.send_internal(command("SETTINGS", "UPDATE", Settings(settings="{")), 1)
    s.drain()
    for _ in range(2):
        s.when(begun(Step(idempotency_key="once", request="g/3")), 1)
    s.advance(4_000_000)
    s.when(begun(Step(idempotency_key="once")), 1).accepted()


def give_up_searching(s: Scenario) -> None:
    """On both partitions at once; then on one, after a retry and smaller pages."""
    s.search.failures = ["never", "never"]
    s.when(batch(RESOLVE), 2).one("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "FAILED")
    s.search.failures = ["later", "large", "", "", "never"]
    s.when(batch(CANCEL, '{"processDefinitionId": "fan"}'), 1)
    for _ in range(4):
        s.advance(60_000)


def change_many(s: Scenario) -> None:
    """Jobs get retries, instances variables; one job has no time-out."""
    changed = update_job.Parameters(
        changed_attributes=("retries", "timeout", "priority"), retries=4, timeout=1_000, priority=3
    )
    s.when(batch(UPDATE_JOBS, '{"processDefinitionId": "one"}', changed), 1)
    variables = setting.Parameters(variables='{"region": "north"}')
    s.when(batch(SET_VARIABLES, '{"processDefinitionId": "one"}', variables), 2)
    s.when(batch(SUSPEND, '{"processDefinitionId": "one"}'), 1)
    s.when(activation("work"), 1)
    s.when(batch(RESUME, '{"processDefinitionId": "one"}'), 2)


def move_many(s: Scenario) -> None:
    """Tokens of many instances move, and come back."""
    aside = modifying.read(
        modifying.Body(move_instructions=(modifying.Move(source_element_id="task", target_element_id="end"),))
    )
    s.deploy(m.one_task("moved"))
    s.create("moved", partition=2)
    s.when(batch(MODIFY, '{"processDefinitionId": "moved"}', aside), 1)


def suspend_and_abort(s: Scenario) -> None:
    """One batch operation that is suspended and goes on, one that is aborted."""
    for intent in ("RESUME", "CANCEL"):
        keys = [s.create("one", partition=number) for number in (1, 2, 1, 2, 1, 2, 1, 2)]
        key = begin(s, keys)
        s.when(manage("SUSPEND", key))
        s.when(manage(intent, key))


def lose_items(s: Scenario) -> None:
    """Instances that are gone when a batch operation comes to them: they fail, or are skipped where that is set."""
    for skip in (False, True):
        settings = msgspec.structs.replace(s.machine(1).settings, skip_vanished_items=skip)
        text = msgspec.json.encode(settings).decode()
        for number in s.partitions:
            s.when_internal(command("SETTINGS", "UPDATE", Settings(settings=text)), number)
        keys = [s.create("one", partition=number) for number in (1, 2, 1, 2, 1, 2)]
        key = begin(s, keys)
        s.when(manage("SUSPEND", key))
        for gone in keys[2:]:
            s.when(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), gone))
        s.when(manage("RESUME", key))


def begin(s: Scenario, keys: list[int]) -> int:
    """Create a batch operation over these instances, and stop when some are found; gives its key."""
    marks = s.marks()
    s.send(batch(CANCEL, "", item_keys=tuple(keys)), partition_of(keys[0]))
    for _ in range(STEPS_MAX):
        if s.since(marks).all("BATCH_OPERATION_CHUNK", "CREATED"):
            break
        s.one()
    return s.since(marks).all("BATCH_OPERATION_CREATION", "CREATED")[0].key


def speak_of_claims_and_traces(s: Scenario) -> None:
    step = Step(
        claims='{"sub": "ann"}',
        trace_context="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        operation_reference=42,
        request="g/4",
    )
    s.when(begun(step), 1).accepted()
    s.when(activation("work", 1, 9), 1).accepted()
    s.cancel(s.create("fan", '{"last": true}', partition=2))


def restore_the_topics(s: Scenario) -> None:
    """From a copy that has the offsets that they had; the engine finds its commands there, and the work goes on."""
    for number, partition in s.partitions.items():
        sources = {name: partition.state.get(SOURCES, name) or Source() for name in partition.inputs}
        places = tuple(
            InputPlace(input=name, ordinal=source.ordinal, offset=source.offset) for name, source in sources.items()
        )
        raised = LogGeneration(generation=1, inputs=places)
        partition.decided.append(decide_generation(partition.machine, CODEC, raised))
        s.flush(number)
    s.cancel(s.create("one", '{"n": 9}', partition=2))


def begun(step: Step) -> Record:
    """A creation whose sender says more of it."""
    return msgspec.structs.replace(creation("one", '{"n": 1}'), step=step)
