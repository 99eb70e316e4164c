"""What a batch operation's filter selects, asked of the model's own view.

A page of items is found some time after the batch operation was created and before its command is decided. So an item
that matched all that time must be in it, one that never did must not, and one that came or went in between may be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.core.principal import NOBODY
from engine.core.record import NONE, partition_of
from engine.records import BatchOperationCreation

from .evaluations import Evaluation
from .rights import Reading
from .world import Instance, Work, World


class UnknownFilter(Exception):
    """A property or an operator that the model does not know."""


@dataclass(slots=True)
class Selection:
    """What an operation selects, and whether each candidate matched always or ever since the creation."""

    entity: str
    filter: str
    item_keys: Sequence[int]
    excluded: Sequence[int]
    states: Sequence[str]
    key_max: int
    #: only those that no other instance called
    roots_only: bool = False
    #: item key -> [always, ever]
    candidates: dict[int, list[bool]] = field(default_factory=dict)
    problem: str = ""
    #: the candidates are those that failed in another batch operation, whatever becomes of them
    is_fixed: bool = False
    #: what of that its creator can read
    reading: Reading = field(default_factory=lambda: Reading(NOBODY))

    @property
    def given(self) -> Collection[int]:
        """Keys that are items wherever they come from: of a retry all are."""
        return self.candidates if self.is_fixed else self.item_keys

    def take_given(self, world: World) -> None:
        """The keys given by hand: each is an item, known or not; an instance has its incidents."""
        for key in set(self.item_keys) - set(self.excluded):
            instance = world.instances.get(key)
            known = instance is not None and not instance.deleted and key <= self.key_max
            self.candidates[key] = [not (known and self.entity == "INCIDENT"), True]

    def look(self, world: World, instances: Sequence[Instance]) -> None:
        """Ask again, after a step that touched these instances."""
        self.reading.look(world.rights, is_enabled=world.settings.authorization_enabled)
        if self.is_fixed:
            return
        try:
            for key, here in self.judged(world, instances):
                seen = self.candidates.setdefault(key, [True, False])
                seen[0], seen[1] = seen[0] and here is True, seen[1] or here is not False
        except UnknownFilter as unknown:
            self.problem = f"selection by {unknown}"

    def judged(self, world: World, instances: Sequence[Instance]) -> list[tuple[int, bool | None]]:
        """As `judge`, of these instances; evaluations are all looked at, for many belong to none."""
        if self.entity == "BATCH_OPERATION":
            raise UnknownFilter(f"entity {self.entity}")
        if self.entity == "DECISION_INSTANCE":
            return [
                (key, self.matches_evaluation(key, one))
                for key, one in world.evaluations.items()
                if key <= self.key_max and key not in self.item_keys
            ]
        return [found for instance in instances for found in self.judge(world, instance)]

    def judge(self, world: World, instance: Instance) -> list[tuple[int, bool | None]]:
        """The items of an instance, and whether each matches now; None: it may be found or not."""
        found: list[tuple[int, bool | None]]
        if self.entity == "JOB":
            known = {key for key in (*self.candidates, *world.jobs) if world.history.owner.get(key) == instance.key}
            found = [(key, self.matches_job(world, key)) for key in sorted(known)]
        else:
            matches = self.matches(world, instance)
            found = [(instance.key, matches)]
            if self.entity == "INCIDENT":
                found = [(key, matches and key in world.incidents) for key in instance.incidents]
        given = () if self.entity == "INCIDENT" else self.item_keys
        return [(key, here) for key, here in found if key <= self.key_max and key not in given]

    def matches(self, world: World, instance: Instance) -> bool:
        if self.entity not in ("PROCESS_INSTANCE", "INCIDENT"):
            raise UnknownFilter(f"entity {self.entity}")
        if instance.deleted:
            return False
        chosen = bool(self.filter) and match(world, instance, msgspec.json.decode(self.filter))
        in_state = not self.states or state_of(instance) in self.states
        is_wanted = not self.roots_only or instance.caller == NONE
        given = instance.key in self.item_keys
        return (given or (chosen and in_state and is_wanted)) and instance.key not in self.excluded

    def matches_job(self, world: World, key: int) -> bool | None:
        """Whether it is there and is what the filter wants; None of one that threw an error nobody caught."""
        job = world.jobs.get(key)
        if job is None or key in self.excluded:
            return False
        wanted = msgspec.json.decode(self.filter) if self.filter else {}
        held = [_match_job(world, job, name, value) for name, value in wanted.items()]
        chosen = key in self.item_keys or (bool(self.filter) and all(held))
        if not chosen or job.state == "ERROR_THROWN":
            return False
        return None if job.threw else True

    def matches_evaluation(self, key: int, evaluation: Evaluation) -> bool:
        """Whether one of its decisions is what the filter wants."""
        if evaluation.deleted or key in self.excluded:
            return False
        wanted = msgspec.json.decode(self.filter) if self.filter else {}
        chosen = False
        for row in evaluation.rows:
            held = [_match_evaluation(key, evaluation, row, name, value) for name, value in wanted.items()]
            chosen = chosen or all(held)
        return key in self.item_keys or (bool(self.filter) and chosen)

    def check(self, world: World, found: Sequence[int], after: int, until: int) -> list[str]:
        """What is wrong with a page of items, which lie above `after` and up to `until`."""
        page = {key: seen for key, seen in self.candidates.items() if after < key <= until and not world.is_blind(key)}
        wrong = [
            f"item {key} is missing"
            for key, (always, _) in page.items()
            if always and key not in found and self.is_always_readable(world, key)
        ]
        wrong += [
            f"item {key} should not be there"
            for key in found
            if key in page and not (page[key][1] and self.is_ever_readable(world, key))
        ]
        wrong += [f"item {key} is unknown" for key in found if key not in page and not world.is_blind(key)]
        if sorted(set(found)) != list(found):
            wrong.append("items are not in order")
        return wrong

    # what the creator can read: what he named by its key is an item in any case, but of nothing that is known

    def is_always_readable(self, world: World, key: int) -> bool:
        if self.is_fixed:
            return self.reading.always_all
        return key in self.given or self.reading.always(process_of(world, key))

    def is_ever_readable(self, world: World, key: int) -> bool:
        return key in self.item_keys or self.reading.ever(process_of(world, key))

    def unreadable(self, world: World, known: Sequence[int]) -> list[str]:
        """What is wrong with items of which it is told what they are of."""
        wrong = [key for key in known if not (world.is_blind(key) or self.reading.ever(process_of(world, key)))]
        return [f"the creator may not read item {key}" for key in wrong]


def process_of(world: World, key: int) -> str:
    """The BPMN id of the process that a thing belongs to; nothing for one that is unknown."""
    instance = world.instances.get(world.history.owner.get(key, key))
    return instance.graph.id if instance else ""


def state_of(instance: Instance) -> str:
    if instance.suspended:
        return "SUSPENDED"
    return "ACTIVE" if instance.nodes else instance.end


def match(world: World, instance: Instance, given: Mapping[str, Any]) -> bool:
    """Whether an instance matches a process instance filter of the API. Raises UnknownFilter."""
    held = [_match_one(world, instance, name, wanted) for name, wanted in given.items()]
    return all(held)  # each was asked, so that none that is unknown goes by


def _match_one(world: World, instance: Instance, name: str, wanted: Any) -> bool:
    if name == "$or":
        return any(match(world, instance, alternative) for alternative in wanted)
    if name == "variables":
        return all(_has_variable(instance, one) for one in wanted)
    if name == "hasIncident":
        has_incident = any(trouble.instance == instance.key for trouble in world.incidents.values())
        return has_incident is wanted
    if name == "tags":
        return all(tag in instance.tags for tag in wanted)
    if name == "elementId":
        return any(compare(element, wanted) for element in instance.visited)
    values = {
        "processInstanceKey": str(instance.key),
        "processDefinitionKey": str(instance.definition),
        "processDefinitionId": instance.graph.id,
        "processDefinitionVersion": instance.version,
        "businessId": instance.business_id or None,
        "state": state_of(instance),
        "parentProcessInstanceKey": None,
    }
    if name not in values:
        raise UnknownFilter(name)
    return compare(values[name], wanted)


def _match_job(world: World, job: Work, name: str, wanted: Any) -> bool:
    instance = world.instances[job.instance]
    if name == "processInstance":
        return match(world, instance, wanted)
    values = {
        "jobKey": str(job.key),
        "type": job.type,
        "retries": job.retries,
        "priority": job.priority,
        "processInstanceKey": str(job.instance),
        "processDefinitionKey": str(instance.definition),
        "processDefinitionId": instance.graph.id,
    }
    if name not in values:
        raise UnknownFilter(name)
    return compare(values[name], wanted)


def _match_evaluation(key: int, evaluation: Evaluation, row: tuple[str, str], name: str, wanted: Any) -> bool:
    values = {
        "decisionEvaluationKey": str(key),
        "decisionDefinitionId": row[0],
        "state": row[1],
        "processInstanceKey": None if evaluation.instance == NONE else str(evaluation.instance),
    }
    if name not in values:
        raise UnknownFilter(name)
    return compare(values[name], wanted)


def _has_variable(instance: Instance, wanted: Mapping[str, Any]) -> bool:
    texts = [text for (_, name), text in instance.kept.items() if name == wanted["name"]]
    return any(compare(text, wanted["value"]) for text in texts)


def compare(value: Any, wanted: Any) -> bool:
    """A plain value, or an object of operators that all hold."""
    operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    held = [_hold(value, operator, operand) for operator, operand in operators.items()]
    return all(held)


def _hold(value: Any, operator: str, operand: Any) -> bool:
    if operator == "$exists":
        return (value is not None) is operand
    if operator in ("$neq", "$notIn"):
        return value is None or value not in (operand if operator == "$notIn" else [operand])
    if operator in ("$eq", "$in"):
        return value is not None and value in (operand if operator == "$in" else [operand])
    raise UnknownFilter(operator)


def is_filter(text: str) -> bool:
    """A JSON object with something in it."""
    try:
        return bool(msgspec.json.decode(text or "{}", type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, RecursionError):
        return False


def keys_here(created: BatchOperationCreation, partition: int) -> list[int]:
    """The keys given by hand that a partition looks for: the lead partition also those that can be nowhere."""
    leads = created.lead_partition == partition
    homes = {key: partition_of(key) for key in created.item_keys}
    return [key for key, at in homes.items() if at == partition or (leads and at not in created.partition_ids)]


#: What a page without a next one reaches to.
NO_END = 1 << 63
