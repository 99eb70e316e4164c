"""Messages: published, kept, given to who waits for them; processes that they start.

Which of several subscriptions of a process gets a message is the engine's choice: the log says it, and it must have
been open. Everything else is foretold. Source: Camunda 8 "Messages"; REST API, "Publish message", "Correlate message".
"""

from __future__ import annotations

from typing import Any, cast

from engine.bpmn import model as bpmn
from engine.core.faults import ALREADY_EXISTS, INVALID_ARGUMENT, NOT_FOUND
from engine.core.record import NONE, Record, partition_of, partition_of_name
from engine.records import (
    Message,
    MessageCorrelation,
    MessageStartEventSubscription,
    MessageSubscription,
    ProcessMessageSubscription,
)

from . import waiting
from .board import Beginning, Given, Subscription
from .instances import begin_instance, push
from .log import sorted_document
from .variables import parse_document
from .waiting import TEXT_SIZE_MAX
from .world import Awaited, Refused, Rule, World

SUBSCRIPTION = "MESSAGE_SUBSCRIPTION"
HERE = "PROCESS_MESSAGE_SUBSCRIPTION"
BEGINNING = "MESSAGE_START_EVENT_SUBSCRIPTION"
TIME_TO_LIVE_MS_MAX = 100 * 366 * 24 * 3_600_000


# published


def publish(world: World, command: Record) -> None:
    wish, board = cast(Message, command.value), world.board
    check(world, wish.name, wish.correlation_key, wish.variables)
    if not 0 <= wish.time_to_live <= TIME_TO_LIVE_MS_MAX or len(wish.message_id.encode()) > TEXT_SIZE_MAX:
        raise Refused(INVALID_ARGUMENT)
    place = (wish.name, wish.correlation_key, wish.message_id)
    if wish.message_id and place in [(m.name, m.correlation_key, m.message_id) for m in board.kept.values()]:
        raise Refused(ALREADY_EXISTS)
    message = published(world, wish.name, wish.correlation_key, wish.variables, wish.message_id, wish.time_to_live)
    if wish.time_to_live:
        board.kept[message.key] = message
    waiting_ids = give_to_waiting(world, message)
    start_instances(world, message, waiting_ids)
    if not wish.time_to_live:
        expire(world, message)


def correlate(world: World, command: Record) -> None:
    """The sender is told of the first one who got it; nothing happened if nobody did."""
    wish, board = cast(MessageCorrelation, command.value), world.board
    check(world, wish.name, wish.correlation_key, wish.variables)
    blocked = {process_id for process_id, key in board.started if key and key == wish.correlation_key}
    begins = {process_id for name, process_id in board.beginnings if name == wish.name} - blocked
    if not begins and not board.waiting(wish.name, wish.correlation_key):
        raise Refused(NOT_FOUND)
    message = published(world, wish.name, wish.correlation_key, wish.variables, "", 0)
    board.asked[message.key] = 0
    world.expect("MESSAGE_CORRELATION", "CORRELATING", message.key, process_instance_key=NONE)
    started = start_instances(world, message, give_to_waiting(world, message))
    if started:
        told = world.step.find("MESSAGE_CORRELATION", "CORRELATED")
        first = cast(MessageCorrelation, told.value).process_instance_key if told else NONE
        answer(world, message.key, first if first in started else started[0])
    expire(world, message)


def check(world: World, name: str, correlation_key: str, variables: str) -> None:
    """Raises Refused."""
    too_long = any(len(text.encode()) > TEXT_SIZE_MAX for text in (name, correlation_key))
    if not name or too_long or partition_of_name(correlation_key, len(world.partitions)) != world.partition:
        raise Refused(INVALID_ARGUMENT)
    parse_document(variables)


def published(world: World, name: str, correlation_key: str, variables: str, message_id: str, kept_ms: int) -> Given:
    record = world.step.find("MESSAGE", "PUBLISHED")
    key = record.key if record else NONE
    message = Given(key, name, correlation_key, variables, message_id, world.now + kept_ms)
    told: dict[str, Any] = {
        "message_id": message_id,
        "variables": sorted_document(variables),
        "deadline": message.deadline,
    }
    world.expect("MESSAGE", "PUBLISHED", key, name=name, correlation_key=correlation_key, **told)
    return message


def expire(world: World, message: Given) -> None:
    """It is not kept, or not any longer."""
    world.board.kept.pop(message.key, None)
    world.board.had = {(key, process_id) for key, process_id in world.board.had if key != message.key}
    world.expect("MESSAGE", "EXPIRED", message.key, name=message.name, correlation_key=message.correlation_key)


def answer(world: World, message: int, instance: int) -> None:
    """Who sent the message learns who got it first, if he waits for that; NONE: nobody."""
    if world.board.asked.pop(message, None) is not None:
        intent = "NOT_CORRELATED" if instance == NONE else "CORRELATED"
        world.expect("MESSAGE_CORRELATION", intent, message, process_instance_key=instance)


# given


def give_to_waiting(world: World, message: Given) -> set[str]:
    """One subscription of each process that waits gets it. Gives the ids of these processes."""
    found = world.board.waiting(message.name, message.correlation_key)
    for candidates in found.values():
        give(world, candidates, message)
    return set(found)


def give(world: World, candidates: list[int], message: Given) -> None:
    """To one of these."""
    board = world.board
    told = [
        record for record in world.step.events if (record.value_type, record.intent) == (SUBSCRIPTION, "CORRELATING")
    ]
    chosen = [r.key for r in told if getattr(r.value, "message_key", NONE) == message.key and r.key in candidates]
    key = (chosen or candidates)[0]
    subscription = board.subscriptions[key]
    subscription.message = message.key
    if message.key in board.kept:
        board.had.add((message.key, subscription.process_id))
    if message.key in board.asked:
        board.asked[message.key] += 1
    expect_subscription(world, "CORRELATING", key, subscription, message.key)
    world.expect_sent(partition_of(subscription.instance), HERE, "CORRELATE", key)


def give_next(world: World, key: int) -> None:
    one = world.board.subscriptions[key]
    message = world.board.oldest(one.name, one.correlation_key, one.process_id, world.now, one.after)
    if message is not None:
        give(world, [key], message)


def expect_subscription(world: World, intent: str, key: int, one: Subscription, message: int) -> None:
    told: dict[str, Any] = {
        "element_instance_key": one.node,
        "message_name": one.name,
        "correlation_key": one.correlation_key,
    }
    world.expect(SUBSCRIPTION, intent, key, message_key=message, **told)


# what the partition of the process instance tells


def subscribe(world: World, command: Record) -> None:
    subscription = read_subscription(command)
    world.board.subscriptions[command.key] = subscription
    expect_subscription(world, "CREATED", command.key, subscription, NONE)
    give_next(world, command.key)


def read_subscription(command: Record) -> Subscription:
    value = cast(MessageSubscription, command.value)
    return Subscription(
        value.element_instance_key,
        value.process_instance_key,
        value.bpmn_process_id,
        value.message_name,
        value.correlation_key,
        value.interrupting,
    )


def find_subscription(world: World, key: int) -> Subscription:
    if key not in world.board.subscriptions:
        raise Refused(NOT_FOUND)
    return world.board.subscriptions[key]


def confirm(world: World, command: Record) -> None:
    """The message has come; who is not interrupted by it waits for the next."""
    message = cast(MessageSubscription, command.value).message_key
    subscription = find_subscription(world, command.key)
    if subscription.message != message:
        world.differ(f"subscription {command.key} got message {message}, but {subscription.message} was given to it")
    expect_subscription(world, "CORRELATED", command.key, subscription, message)
    answer(world, message, subscription.instance)
    subscription.message = NONE
    if subscription.interrupting:
        del world.board.subscriptions[command.key]
    else:
        give_next(world, command.key)


def give_back(world: World, command: Record) -> None:
    """The message came too late; another one of the process may have it."""
    value, board = cast(MessageSubscription, command.value), world.board
    message = Given(value.message_key, value.message_name, value.correlation_key, value.variables)
    expect_subscription(world, "REJECTED", command.key, read_subscription(command), message.key)
    board.had.discard((message.key, value.bpmn_process_id))
    if message.key in board.asked:
        board.asked[message.key] -= 1
    others = board.waiting(message.name, message.correlation_key).get(value.bpmn_process_id)
    if others:
        give(world, others, message)
    if board.asked.get(message.key) == 0:
        answer(world, message.key, NONE)


def unsubscribe(world: World, command: Record) -> None:
    """A message that is on its way comes back, unless it came before the end."""
    message = cast(MessageSubscription, command.value).message_key
    subscription = find_subscription(world, command.key)
    expect_subscription(world, "DELETED", command.key, subscription, subscription.message)
    if message == subscription.message != NONE:
        answer(world, message, subscription.instance)
    del world.board.subscriptions[command.key]


# what the partition of the correlation key gives


def receive(world: World, command: Record) -> None:
    """Who still waits gets the message."""
    value, key = cast(ProcessMessageSubscription, command.value), command.key
    home = partition_of_name(value.correlation_key, len(world.partitions))
    awaited = world.awaited.get(key)
    host: dict[str, Any] = {"element_instance_key": value.element_instance_key}
    is_suspended = awaited is not None and world.instances[awaited.instance].suspended
    if awaited is None or is_suspended:
        world.held |= {key} if is_suspended else set()
        world.expect(HERE, "REJECTED", key, value.process_instance_key, message_key=value.message_key, **host)
        world.expect_sent(home, SUBSCRIPTION, "REJECT", key)
        return
    told: dict[str, Any] = {**host, "element_id": awaited.element.id, "variables": sorted_document(value.variables)}
    world.expect(HERE, "CORRELATED", key, awaited.instance, message_key=value.message_key, **told)
    node, element = world.node(awaited.node), awaited.element
    assert node is not None
    is_paused = world.instances[awaited.instance].pause != NONE
    if element.interrupting:
        del world.awaited[key]
        if is_paused:  # nothing else may be taken for what cannot happen any more
            waiting.stop_waiting(world, node, node.element.handlers if element.type == bpmn.START_EVENT else None)
    if element.interrupting or not is_paused:
        world.expect_sent(home, SUBSCRIPTION, "CORRELATE", key)
    else:
        world.unconfirmed.add(key)
    push(world, waiting.happened(world, node, element, value.variables))


# what a batch operation gives to an instance directly


def deliver(world: World, instance: int, name: str, variables: str) -> None:
    """To all that it waits for by this name, or whatever it waits for; what one closes gets none. Raises Refused."""
    if instance not in world.instances or not world.instances[instance].nodes:
        raise Refused(NOT_FOUND)
    if world.instances[instance].suspended:
        return
    for key in sorted(key for key, awaited in world.awaited.items() if awaited.instance == instance):
        awaited = world.awaited.get(key)
        if awaited is not None and name in ("", awaited.name):
            give_directly(world, key, awaited, variables)


def give_directly(world: World, key: int, awaited: Awaited, variables: str) -> None:
    node, element = world.node(awaited.node), awaited.element
    assert node is not None
    records = [record for record in world.step.events if (record.value_type, record.intent) == (HERE, "CORRELATED")]
    values = [cast(ProcessMessageSubscription, record.value) for record in records if record.key == key]
    message = next((value.message_key for value in values if value.direct), NONE)
    told: dict[str, Any] = {"element_instance_key": node.key, "element_id": element.id}
    told |= {"message_key": message, "variables": sorted_document(variables)}
    world.expect(HERE, "CORRELATED", key, awaited.instance, **told)
    if element.interrupting:
        del world.awaited[key]
        world.expect_sent(
            partition_of_name(awaited.correlation_key, len(world.partitions)), SUBSCRIPTION, "DELETE", key
        )
        if world.instances[awaited.instance].pause != NONE or pauses_before(world, key, awaited.instance):
            waiting.stop_waiting(world, node, node.element.handlers if element.type == bpmn.START_EVENT else None)
    push(world, waiting.happened(world, node, element, variables))


def pauses_before(world: World, key: int, instance: int) -> bool:
    """Whether the instance pauses in this step, because of what it was given before this."""
    for record in world.step.events:
        kind = (record.value_type, record.intent)
        if kind == (HERE, "CORRELATED") and record.key == key:
            break
        owner = getattr(record.value, "process_instance_key", NONE)
        if kind == ("PROCESS_INSTANCE_CONTINUATION", "PAUSED") and owner == instance:
            return True
    return False


# processes that messages start


def start_instances(world: World, message: Given, without: set[str]) -> list[int]:
    """With a correlation key, one instance of a process at a time."""
    process_ids = sorted(process_id for name, process_id in world.board.beginnings if name == message.name)
    place = message.correlation_key
    free = [process_id for process_id in process_ids if not place or (process_id, place) not in world.board.started]
    return [start_one(world, process_id, message) for process_id in free if process_id not in without]


def start_one(world: World, process_id: str, message: Given) -> int:
    board = world.board
    beginning = board.beginnings[message.name, process_id]
    expect_beginning(world, "CORRELATED", beginning, message.name, message.key)
    if message.key in board.kept:
        board.had.add((message.key, process_id))
    key = world.born_here(process_id)
    if message.correlation_key:
        board.started[process_id, message.correlation_key] = key
    begin_instance(world, key, beginning.definition, beginning.element.id, message.variables, message.correlation_key)
    return key


def start_next(world: World, command: Record) -> None:
    """An instance that a message started has ended."""
    ended = cast(MessageStartEventSubscription, command.value)
    world.hear("START", command.key)
    message = world.board.next_start(ended.bpmn_process_id, ended.correlation_key, world.now)
    if message is None:
        raise Refused(NOT_FOUND)
    start_one(world, ended.bpmn_process_id, message)


def renew_beginnings(world: World, definition: int, before: int | None) -> None:
    """What the new version waits for takes the place of what the version before waited for."""
    beginnings, graph = world.board.beginnings, world.definitions[definition].graph
    for (name, process_id), one in list(beginnings.items()):
        if process_id == graph.id and one.definition == before:
            told: dict[str, Any] = {
                "process_definition_key": before,
                "start_event_id": one.element.id,
                "message_name": name,
            }
            world.expect(BEGINNING, "DELETED", one.key, message_key=NONE, **told)
            del beginnings[name, process_id]
    for element in (graph.elements[name] for name in graph.root.event_starts):
        if isinstance(element.event, bpmn.Message):
            name = element.event.name.text
            key = world.history.born(BEGINNING, definition, element.id)
            beginnings[name, graph.id] = Beginning(key, definition, element)
            expect_beginning(world, "CREATED", beginnings[name, graph.id], name)


def expect_beginning(world: World, intent: str, one: Beginning, name: str, message: int = NONE) -> None:
    told: dict[str, Any] = {"process_definition_key": one.definition, "start_event_id": one.element.id}
    world.expect(BEGINNING, intent, one.key, message_name=name, message_key=message, **told)


RULES: dict[tuple[str, str], Rule] = {
    ("MESSAGE", "PUBLISH"): publish,
    ("MESSAGE_CORRELATION", "CORRELATE"): correlate,
    (SUBSCRIPTION, "CREATE"): subscribe,
    (SUBSCRIPTION, "CORRELATE"): confirm,
    (SUBSCRIPTION, "REJECT"): give_back,
    (SUBSCRIPTION, "DELETE"): unsubscribe,
    (HERE, "CORRELATE"): receive,
    (BEGINNING, "CORRELATE"): start_next,
}
