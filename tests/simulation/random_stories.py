"""Random stories in a scenario: random models of every element, and whatever people, workers and senders may do."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from engine.bpmn.ad_hoc_elements import VARIABLE as ELEMENTS
from engine.core.record import Record, partition_of, partition_of_name
from engine.records import (
    DecisionEvaluation,
    HistoryDeletion,
    Incident,
    Job,
    Message,
    MessageCorrelation,
    ProcessInstance,
    ProcessInstanceCreation,
    Signal,
    UserTask,
    Variable,
    VariableDocument,
)
from engine.records.ad_hoc_sub_process_instruction import ActivateElement, AdHocSubProcessInstruction
from engine.records.deployment import Deployment, Resource
from tests.simulation.workload.models import generate, generate_decisions, generate_form
from tests.support.actions import activation, equal_elements, migration
from tests.support.scenario import Scenario, make

PROCESS_IDS = ("p", "q", "r")
VARIABLES = (
    '{"n": 3, "who": "ann", "code": "A", "key": "k1", "name": "a", "kind": "work"}',
    '{"n": 1, "key": "k2", "name": "b", "code": "B"}',
    '{"n": 2, "key": 7.9}',
    '{"n": "text"}',
    "{}",
)
NAMES, KEYS = ("a", "b", "start"), ("k1", "k2", "7", "")


class Story:
    """What happens is drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        settings = {
            "step_effects_max": random.choice([5, 12, 40, 1000]),
            "continuation_rounds_max": 1000,
            "call_depth_max": random.choice([2, 1000]),
            "due_per_tick_max": random.choice([1, 3, 100]),
        }
        self.s = Scenario(random.choice([1, 1, 2, 3]), settings=settings, group_size=random.choice([1, 3]))
        self.deploy()

    def deploy(self) -> None:
        random, files = self.random, {}
        for index, name in enumerate(PROCESS_IDS):
            if not self.s.everything().all("PROCESS") or random.random() < 0.5:
                files[f"{name}.bpmn"] = generate(random, name, PROCESS_IDS[index + 1 :])
        if random.random() < 0.7:
            files["rate.dmn"] = generate_decisions(random)
        if random.random() < 0.7:
            files["sheet.form"] = generate_form(random)
        resources = tuple(Resource(resource_name=name, resource=file) for name, file in files.items())
        self.s.send(make("DEPLOYMENT", "CREATE", Deployment(resources=resources), request="gateway/9"), 1)

    def tell(self) -> Scenario:
        """From the beginning to the end."""
        s, random = self.s, self.random
        s.drain()
        for _ in range(60):
            random.choice(self.actions())()
            for _ in range(random.randint(0, 8)):
                s.step(random.randint(1, len(s.partitions)))
            s.now += random.choice([0, 0, 300, 2_000])
            if random.random() < 0.5:
                s.tick(random.randint(1, len(s.partitions)))
        s.drain()
        for _ in range(4):
            s.advance(30_000)
        return s

    def actions(self) -> list[Callable[[], None]]:
        rare = [self.deploy] if self.random.random() < 0.1 else []
        migrations = [self.migrate] if self.random.random() < 0.3 else []
        usual = [*[self.create] * 2, *[self.work] * 3, *[self.publish] * 2, self.ask, self.instruct]
        return [*usual, *rare, *migrations]

    def variables(self) -> str:
        """Mostly the best ones."""
        return VARIABLES[0] if self.random.random() < 0.5 else self.random.choice(VARIABLES)

    def any_partition(self) -> int:
        return self.random.randint(1, len(self.s.partitions))

    def key(self, value_type: str, intent: str = "CREATED") -> int:
        """One of the newest of a kind; 7 if there is none."""
        found = [r.key for r in self.s.everything().all(value_type, intent)]
        return self.random.choice(found[-10:]) if found else 7

    def send(self, record: Record, partition: int = 0) -> None:
        home = partition or partition_of(record.key)
        self.s.send(record, home if home in self.s.partitions else 1)

    def create(self) -> None:
        wish = ProcessInstanceCreation(
            bpmn_process_id=self.random.choice(PROCESS_IDS),
            variables=self.variables(),
            await_result=self.random.random() < 0.2,
        )
        self.send(make("PROCESS_INSTANCE_CREATION", "CREATE", wish, request="gateway/1"), self.any_partition())

    def work(self) -> None:
        """Of workers and people."""
        random, text = self.random, self.variables()
        job, incident, task = self.key("JOB"), self.key("INCIDENT"), self.key("USER_TASK")
        instance = self.key("PROCESS_INSTANCE", "ELEMENT_ACTIVATING")
        wishes = [
            *[make("JOB", "COMPLETE", Job(variables=text), job)] * 4,
            make("JOB", "FAIL", Job(retries=random.randint(0, 1)), job),
            *[make("JOB", "THROW_ERROR", Job(error_code=random.choice("ABC"), variables=text), job)] * 2,
            *[make("INCIDENT", "RESOLVE", Incident(), incident)] * 2,
            *[make("USER_TASK", "COMPLETE", UserTask(variables=text), task)] * 2,
            make("VARIABLE_DOCUMENT", "UPDATE", VariableDocument(scope_key=instance, variables=text), instance),
        ]
        if random.random() < 0.3:
            intent = random.choice(["CANCEL", "SUSPEND", "RESUME", "RESUME"])
            wishes = [make("PROCESS_INSTANCE", intent, ProcessInstance(process_instance_key=instance), instance)]
        if random.random() < 0.1:
            deletion = HistoryDeletion(resource_key=instance, resource_type="PROCESS_INSTANCE")
            self.send(make("HISTORY_DELETION", "DELETE", deletion, instance))
        if random.random() < 0.1:
            self.send(activation(limit=3, timeout=random.choice([5, 5_000])), self.any_partition())
        self.send(random.choice(wishes))

    def instruct(self) -> None:
        """What is to begin in an ad-hoc sub-process."""
        everything = self.s.everything()
        told = [r.value for r in everything.all("VARIABLE", "CREATED") if getattr(r.value, "name", "") == ELEMENTS]
        if not told:
            return
        variable = self.random.choice(told[-5:])
        assert isinstance(variable, Variable)
        names = [each["elementId"] for each in msgspec.json.decode(variable.value)] + ["none"] * (self.rarely())
        chosen = self.random.sample(names, self.random.randint(1, len(names)))
        elements = tuple(ActivateElement(element_id=name, variables=self.variables()) for name in chosen)
        wish = AdHocSubProcessInstruction(activate_elements=elements, cancel_remaining_instances=self.rarely())
        self.send(make("AD_HOC_SUB_PROCESS_INSTRUCTION", "ACTIVATE", wish, variable.scope_key))

    def rarely(self) -> bool:
        return self.random.random() < 0.1

    def migrate(self) -> None:
        """One of the newest instances, to any definition; equal elements are mapped."""
        everything = self.s.everything()
        begun = [
            r for r in everything.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING") if r.value.element_type == "PROCESS"
        ]
        known = {r.key: r.value for r in everything.all("PROCESS", "CREATED")}
        if not begun:
            return
        instance, target = self.random.choice(begun[-10:]), self.random.choice([*known, 7])
        source = instance.value.process_definition_key
        target = source if self.random.random() < 0.5 else target
        mapping = equal_elements(known[source], known[target]) if target in known else [("job1", "job1")]
        if mapping and self.rarely():
            mapping.remove(self.random.choice(mapping))
        self.send(migration(instance.key, target, *mapping))

    def publish(self) -> None:
        random, text = self.random, self.variables()
        name, key = random.choice(NAMES), random.choice(KEYS)
        home = partition_of_name(key, len(self.s.partitions))
        if random.random() < 0.3:
            wish = MessageCorrelation(name=name, correlation_key=key, variables=text)
            self.send(make("MESSAGE_CORRELATION", "CORRELATE", wish, request="gateway/4"), home)
            return
        id_ = random.choice(["", "", "id"])
        message = Message(
            name=name,
            correlation_key=key,
            variables=text,
            message_id=id_,
            time_to_live=random.choice([0, 0, 1_000, 10_000, 90_000]),
        )
        self.send(make("MESSAGE", "PUBLISH", message, request="gateway/3"), home)

    def ask(self) -> None:
        """For a decision, or broadcast a signal."""
        random, text = self.random, self.variables()
        if random.random() < 0.4:
            wish = DecisionEvaluation(decision_id=random.choice(["rate", "base", "none"]), variables=text)
            self.send(make("DECISION_EVALUATION", "EVALUATE", wish, request="gateway/5"), self.any_partition())
        else:
            signal = Signal(signal_name=random.choice(["a", "a", "start"]), variables=text)
            self.send(make("SIGNAL", "BROADCAST", signal, request="gateway/6"), self.any_partition())
