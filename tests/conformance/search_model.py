"""Random worlds of process instances, told as events, and the plain evaluation of filters that judges search stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from engine.core.ports import SelectionQuery
from engine.core.record import first_key
from exporters.facts import java_hash
from exporters.search.entities import ENTITIES
from exporters.search.fields import BASIC_KEY, KEY
from tests.unit.exporters.stories import DEFINITION, Story

Json = dict[str, Any]

#: Texts that catch mistakes with wildcards, letters of both cases, quotes and bytes beyond ASCII.
TEXTS = ("a", "A", "ab", "a*b", "a?b", "a[b]", "a\\b", "a%b", "ä", "😀", "'\"", "")
PATTERNS = (
    "*",
    "?",
    "a*",
    "*b",
    "a\\*b",
    "a\\?b",
    "a?b",
    "a[b]",
    "a\\[b]",
    "[ab]",
    "a\\\\b",
    "ä*",
    "*?*",
    "a%b",
    "\\",
    "",
)
NAMES = ("x", "y")
MESSAGES = ("no retries", "a*b", "boom")
#: What fails with this message is the body of a multi-instance activity.
BODY_MESSAGE = "boom"
ELEMENTS = ("task", "other")
PEOPLE = ("a", "a*b")
BATCHES = (str(first_key(1) + 5), str(first_key(1) + 6))


class Instance(Struct, kw_only=True):
    """A process instance as the plain evaluation knows it."""

    key: str = ""
    root: str = ""
    partition: int = 1
    definition: int = DEFINITION
    ended: bool = False
    parent: str | None = None
    tags: tuple[str, ...] = ()
    business_id: str | None = None
    own_variables: list[tuple[str, str]] = []
    local_variables: list[tuple[str, str]] = []  # those of the task
    elements: list[dict[str, Any]] = []
    incidents: list[tuple[str, str, str]] = []  # element instance, message, key; the open ones
    retries_left: bool = False
    suspended: bool = False
    batches: set[str] = set()

    @property
    def state(self) -> str:
        return "TERMINATED" if self.ended else "SUSPENDED" if self.suspended else "ACTIVE"

    @property
    def variables(self) -> list[tuple[str, str]]:
        return self.own_variables + self.local_variables


class Drawn(Struct, frozen=True, kw_only=True):
    """What is drawn for an instance before it has keys."""

    partition: int
    definition: int
    ended: bool
    child: bool
    tags: tuple[str, ...]
    business_id: str
    variables: Sequence[tuple[str, str, bool]]
    failures: Sequence[tuple[str, str, bool]]
    retries: int | None
    batches: frozenset[str]
    changes: Sequence[str]  # of its suspension
    people: tuple[str, tuple[str, ...], tuple[str, ...]] | None  # of a user task: assignee, groups, users


people = st.sets(st.sampled_from(PEOPLE)).map(lambda names: tuple(sorted(names)))
drawn_instances = st.builds(
    Drawn,
    partition=st.integers(1, 2),
    definition=st.integers(DEFINITION, DEFINITION + 2),
    ended=st.booleans(),
    child=st.booleans(),
    tags=st.sets(st.sampled_from(("a", "b", "c"))).map(lambda tags: tuple(sorted(tags))),
    business_id=st.sampled_from(TEXTS),
    variables=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(TEXTS), st.booleans()), max_size=3),
    failures=st.lists(st.tuples(st.sampled_from(ELEMENTS), st.sampled_from(MESSAGES), st.booleans()), max_size=3),
    retries=st.sampled_from((None, 0, 1)),
    batches=st.frozensets(st.sampled_from(BATCHES)),
    changes=st.sampled_from(((), ("SUSPENDED",), ("SUSPENDED", "RESUMED"))),
    people=st.none() | st.tuples(st.sampled_from(TEXTS), people, people),
)


class Told(Struct):
    """The events of a world, and what a plain reader would know of it."""

    stories: list[Story]
    instances: list[Instance]


def tell(drawn: Sequence[Drawn]) -> Told:
    stories = [Story(1), Story(2)]
    for story in stories:
        for number, process_id in enumerate(("order", "Order", "a*b")):
            tag = "v[1]" if number else ""
            story.define(process_id, version=number + 1, key=DEFINITION + number, name=TEXTS[number], version_tag=tag)
        for batch in BATCHES:
            story.create_batch(int(batch))
        story.wait_for_messages()
        story.define_form(version=story.partition)
        decision, requirements = story.define_decision(version=story.partition, name=TEXTS[story.partition])
        for failure in ("", *MESSAGES):
            story.evaluate(decision, requirements, failure=failure, business_id=failure)
    instances: list[Instance] = []
    for one in drawn:
        instances.append(tell_instance(stories[one.partition - 1], one, instances))
    return Told(stories, instances)


def tell_instance(story: Story, drawn: Drawn, earlier: Sequence[Instance]) -> Instance:
    parent = next((other.key for other in earlier if other.partition == drawn.partition), None) if drawn.child else None
    fields: Json = {"tags": drawn.tags, "business_id": drawn.business_id}
    if parent:
        fields |= {"parent_process_instance_key": int(parent), "root_process_instance_key": int(parent)}
    key, task, job = story.start(drawn.definition, **fields)
    instance = Instance(
        key=str(key),
        root=parent or str(key),
        partition=drawn.partition,
        definition=drawn.definition,
        ended=drawn.ended,
        parent=parent,
        tags=drawn.tags,
        business_id=drawn.business_id or None,
        batches=set(drawn.batches),
        elements=[{"key": str(task), "elementId": "task", "state": "ACTIVE"}],
    )
    for name, text, local in drawn.variables:
        story.variable(key, name, text, task if local else None, drawn.definition)
        variables = instance.local_variables if local else instance.own_variables
        variables.append((name, msgspec.json.encode(text).decode()))
    for element_id, message, resolved in drawn.failures:
        element = story.key()
        fields = story.task(key, drawn.definition, element_id)
        if message == BODY_MESSAGE:
            fields["element_type"] = "MULTI_INSTANCE_BODY"
        story.step(("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element, fields))
        instance.elements.append({"key": str(element), "elementId": element_id, "state": "ACTIVE"})
        incident = story.incident(key, element, message, definition=drawn.definition, element_id=element_id)
        if resolved or drawn.ended:
            story.resolve(incident)
        else:
            instance.incidents.append((str(element), message, str(incident)))
    if drawn.retries is not None:
        story.step(("JOB", "FAILED", job, {**story.job(key, task), "retries": drawn.retries, "deadline": -1}))
        instance.retries_left = drawn.retries > 0 and not drawn.ended
    for batch in drawn.batches:
        story.find_items(int(batch), [key], initialized=False)
        if drawn.ended:
            story.finish_item(int(batch), key, "FAILED", error_message="no")
    if drawn.people:
        assignee, groups, users = drawn.people
        names: Json = {"assignee": assignee, "candidate_groups": groups, "candidate_users": users}
        user_task = story.user_task(key, task, **names, **story.owned(key, drawn.definition))
        if drawn.ended:
            story.change_user_task(user_task, "CANCELED")
    for change in drawn.changes:
        fields = {"process_instance_key": key, "element_type": "PROCESS", "process_definition_key": drawn.definition}
        story.step(("PROCESS_INSTANCE", change, key, fields))
        instance.suspended = change == "SUSPENDED"
    if drawn.ended:
        story.end(key, task, job, definition=drawn.definition)
        instance.elements[0]["state"] = "TERMINATED"
    return instance


def rich(number: int) -> Drawn:
    """One of the instances of a world in which everything occurs, and everything is missing somewhere."""
    return Drawn(
        partition=1 + number % 2,
        definition=DEFINITION + number % 3,
        ended=number % 4 == 3,
        child=number % 5 == 4,
        tags=("a", "b")[: number % 3],
        business_id=TEXTS[number],
        variables=[("x", TEXTS[number], number % 2 == 1), ("y", "a", False)][: number % 3],
        failures=[("other", MESSAGES[number % 3], number % 4 == 1), ("task", "boom", True)][: number % 3],
        retries=(None, 0, 1)[number % 3],
        batches=frozenset(BATCHES[: number % 3]),
        changes=("SUSPENDED", "RESUMED")[: number % 3],
        people=(TEXTS[number], PEOPLE[: number % 3], PEOPLE[number % 2 :]) if number % 4 else None,
    )


RICH = [rich(number) for number in range(len(TEXTS))]
worlds = st.lists(drawn_instances, max_size=8).map(tell)


def like(pattern: str, text: str) -> bool:
    found = re.sub(
        r"\\(.)|(\*)|(\?)|(.)",
        lambda part: ".*" if part[2] else "." if part[3] else re.escape(part[1] or part[4]),
        pattern,
        flags=re.DOTALL,
    )
    return re.fullmatch(found, text, re.DOTALL) is not None


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, term: value is not None and value == term,
    "$neq": lambda value, term: value != term,
    "$exists": lambda value, term: (value is not None) == term,
    "$in": lambda value, term: value is not None and value in term,
    "$notIn": lambda value, term: value is None or value not in term,
    "$like": lambda value, term: value is not None and like(term, value),
    "$gt": lambda value, term: value is not None and value > term,
    "$gte": lambda value, term: value is not None and value >= term,
    "$lt": lambda value, term: value is not None and value < term,
    "$lte": lambda value, term: value is not None and value <= term,
}


def operators_of(condition: Any) -> Mapping[str, Any]:
    return condition if isinstance(condition, dict) else {"$eq": condition}


def holds(value: Any, condition: Any) -> bool:
    return all(OPERATORS[operator](value, term) for operator, term in operators_of(condition).items())


def matches(document: Json, instance: Instance | None, filters: Json) -> bool:
    plain = {name: condition for name, condition in filters.items() if name in document and name != "tags"}
    if not all(holds(document[name], condition) for name, condition in plain.items()):
        return False
    if "$or" in filters and not any(matches(document, instance, one) for one in filters["$or"]):
        return False
    if instance is None:
        return True
    return (
        matches_task(document, instance, filters) if "userTaskKey" in document else matches_related(instance, filters)
    )


def matches_task(task: Json, instance: Instance, filters: Json) -> bool:
    """What is related to a user task of the instance."""
    return (
        all(tag in instance.tags for tag in filters.get("tags", ()))
        and some_hold(task["candidateGroups"], filters.get("candidateGroup", {}))
        and some_hold(task["candidateUsers"], filters.get("candidateUser", {}))
        and all(has_variable(instance.own_variables, one) for one in filters.get("processInstanceVariables", ()))
        and all(has_variable(instance.local_variables, one) for one in filters.get("localVariables", ()))
    )


def matches_related(instance: Instance, filters: Json) -> bool:
    incidents = [{"errorMessage": text, "incidentErrorHashCode": java_hash(text)} for _, text, _ in instance.incidents]
    broken = {element for element, _, _ in instance.incidents}
    elements = [
        {
            "elementId": element["elementId"],
            "elementInstanceState": element["state"],
            "hasElementInstanceIncident": element["key"] in broken,
        }
        for element in instance.elements
    ]
    return (
        some_row_holds(incidents, ("errorMessage", "incidentErrorHashCode"), filters)
        and some_row_holds(elements, ("elementId", "elementInstanceState", "hasElementInstanceIncident"), filters)
        and filters.get("hasRetriesLeft", instance.retries_left) == instance.retries_left
        and all(tag in instance.tags for tag in filters.get("tags", ()))
        and all(
            some_hold(instance.batches, filters[name])
            for name in ("batchOperationKey", "batchOperationId")
            if name in filters
        )
        and all(has_variable(instance.variables, one) for one in filters.get("variables", ()))
    )


def some_row_holds(rows: Sequence[Json], names: Sequence[str], filters: Json) -> bool:
    """The properties about the same relation are about the same row; `$exists` asks whether there is a row."""
    asked = {name: operators_of(filters[name]) for name in names if name in filters}
    exists = [operators["$exists"] for operators in asked.values() if "$exists" in operators]
    others = {name: {key: term for key, term in one.items() if key != "$exists"} for name, one in asked.items()}
    wanted = {name: condition for name, condition in others.items() if condition}
    if any(bool(rows) != term for term in exists):
        return False
    return not wanted or any(all(holds(row[name], one) for name, one in wanted.items()) for row in rows)


def some_hold(values: Collection[str], condition: Any) -> bool:
    """All values together belong to the owner: none is equal, none is in a list; else each operator finds one."""
    for operator, term in operators_of(condition).items():
        found = {
            "$exists": lambda term=term: bool(values) == term,
            "$neq": lambda term=term: term not in values,
            "$notIn": lambda term=term: not set(values) & set(term),
        }.get(
            operator,
            lambda operator=operator, term=term: any(OPERATORS[operator](one, term) for one in values),
        )
        if not found():
            return False
    return True


def has_variable(variables: Sequence[tuple[str, str]], wanted: Json) -> bool:
    values = [value for name, value in variables if name == wanted["name"]]
    operators = dict(operators_of(wanted["value"]))
    exists = operators.pop("$exists", None)
    if exists is not None and bool(values) != exists:
        return False
    return not operators or any(holds(value, operators) for value in values)


def ordered(documents: Sequence[Json], entity: str, sorts: Sequence[Json]) -> list[Json]:
    """Missing values last in both directions, then by key."""
    of_two = {
        "BATCH_OPERATION_ITEM": ("batchOperationKey", "itemKey"),
        "CORRELATED_MESSAGE_SUBSCRIPTION": ("messageKey", "subscriptionKey"),
    }
    identity = of_two.get(entity, (ENTITIES[entity].fields[0].name,))

    def place(document: Json) -> tuple[int, ...]:
        # the key of a decision instance is two numbers
        return tuple(int(part) for name in identity for part in document[name].split("-"))

    found = sorted(documents, key=place)
    kinds = {field.name: field.kind for field in ENTITIES[entity].fields}
    for sort in reversed(sorts):
        name = sort["field"]
        present = [document for document in found if document[name] is not None]
        key = int if kinds[name] in (KEY, BASIC_KEY) else (lambda value: value)
        present.sort(key=lambda document: key(document[name]), reverse=sort.get("order") == "DESC")
        found = present + [document for document in found if document[name] is None]
    return found


def selected(told: Told, documents: Mapping[str, Json], query: SelectionQuery) -> list[tuple[int, int, int]]:
    """What a selection must give."""
    found = []
    filters = msgspec.json.decode(query.filter) if query.filter else None
    for instance in told.instances:
        document = documents[instance.key]
        chosen = filters is not None and matches(document, instance, filters)
        chosen = chosen and not (query.roots_only and instance.parent)
        chosen = chosen and (not query.states or document["state"] in query.states)
        if not (chosen or int(instance.key) in query.item_keys) or int(instance.key) in query.excluded:
            continue
        if instance.partition != query.partition:
            continue
        if query.process_ids is not None and document["processDefinitionId"] not in query.process_ids:
            continue
        incidents = [int(key) for _, _, key in instance.incidents]
        items = incidents if query.entity == "INCIDENT" else [int(instance.key)]
        found += [(item, int(instance.key), int(instance.root)) for item in items]
    return [row for row in sorted(found) if query.after < row[0] <= query.key_max][: query.limit]
