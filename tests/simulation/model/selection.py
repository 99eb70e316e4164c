"""What a batch operation's filter selects, asked of the model's own view.

A page of items is found some time after the batch operation was created and before its command is decided. So an item
that matched all that time must be in it, one that never did must not, and one that came or went in between may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.core.record import NONE

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

    def look(self, world: World, instances: Sequence[Instance]) -> None:
        """Ask again, after a step that touched these instances."""
        try:
            for instance in instances:
                matches = self.entity != "JOB" and self.matches(world, instance)
                for key in self.items_of(world, instance):
                    here = self.matches_job(world, key) if self.entity == "JOB" else matches
                    here = here and (self.entity != "INCIDENT" or key in world.incidents)
                    seen = self.candidates.setdefault(key, [True, False])
                    is_sure = self.entity != "JOB" or key not in world.jobs or not world.jobs[key].threw
                    seen[0], seen[1] = seen[0] and here and is_sure, seen[1] or here
        except UnknownFilter as unknown:
            self.problem = f"selection by {unknown}"

    def items_of(self, world: World, instance: Instance) -> list[int]:
        keys = instance.incidents if self.entity == "INCIDENT" else [instance.key]
        if self.entity == "JOB":
            known = [*self.candidates, *world.jobs]
            keys = sorted({key for key in known if world.history.owner.get(key) == instance.key})
        return [key for key in keys if key <= self.key_max]

    def matches(self, world: World, instance: Instance) -> bool:
        if self.entity not in ("PROCESS_INSTANCE", "INCIDENT"):
            raise UnknownFilter(f"entity {self.entity}")
        chosen = instance.key in self.item_keys
        chosen = chosen or (bool(self.filter) and match(world, instance, msgspec.json.decode(self.filter)))
        in_state = not self.states or state_of(instance) in self.states
        is_wanted = not self.roots_only or instance.caller == NONE
        return chosen and in_state and is_wanted and instance.key not in self.excluded

    def matches_job(self, world: World, key: int) -> bool:
        """Whether it is there and is what the filter wants. One whose error nobody caught is not."""
        job = world.jobs.get(key)
        if job is None or key in self.excluded:
            return False
        wanted = msgspec.json.decode(self.filter) if self.filter else {}
        held = [_match_job(world, job, name, value) for name, value in wanted.items()]
        chosen = key in self.item_keys or (bool(self.filter) and all(held))
        return chosen and job.state != "ERROR_THROWN"

    def check(self, world: World, found: Sequence[int], after: int, until: int) -> list[str]:
        """What is wrong with a page of items, which lie above `after` and up to `until`."""
        page = {key: seen for key, seen in self.candidates.items() if after < key <= until and not world.is_blind(key)}
        wrong = [f"item {key} is missing" for key, (always, _) in page.items() if always and key not in found]
        wrong += [f"item {key} should not be there" for key in found if key in page and not page[key][1]]
        wrong += [f"item {key} is unknown" for key in found if key not in page and not world.is_blind(key)]
        if sorted(set(found)) != list(found):
            wrong.append("items are not in order")
        return wrong


def state_of(instance: Instance) -> str:
    return "ACTIVE" if instance.nodes else "ENDED"


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
    values = {
        "jobKey": str(job.key),
        "type": job.type,
        "retries": job.retries,
        "processInstanceKey": str(job.instance),
        "processDefinitionKey": str(instance.definition),
        "processDefinitionId": instance.graph.id,
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


#: What a page without a next one reaches to.
NO_END = 1 << 63
