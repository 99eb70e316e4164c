"""What searches may have shown to whom: what he could read at some time, as the table in docs/authorization.md says.

Searches lag behind the log, so it is not asked whether he could read it just then.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import NamedTuple, cast

from engine.core.principal import USER, Principal
from engine.core.record import Record
from engine.records import Authorization, Group

from .log import PartitionLog
from .permits import DOCUMENT, Need
from .rights import EVERYTHING, Grant, Rights

ROW = re.compile(r"\| `(\S+)` \| `(\S+)` \| (.*) \| (one or all|all) \|")
#: Who decides about users, groups and authorizations.
LEAD = 1


class Shown(NamedTuple):
    """A search of this entity (its path in the API) showed a user something of a process; `*`: of no process."""

    user: str
    entity: str
    process_id: str


@cache
def reads() -> Mapping[str, Need]:
    """What is searched -> what it needs."""
    rows = [ROW.fullmatch(line) for line in DOCUMENT.read_text().splitlines()]
    return {row[1]: Need(row[2], tuple(re.findall(r"`(\w+)`", row[3])), row[4] == "one or all") for row in rows if row}


def unreadable(shown: Collection[Shown], logs: Mapping[int, PartitionLog]) -> list[str]:
    """What was shown to somebody who could never read it."""
    left = set(shown)
    for rights in rights_over_time(logs[LEAD]):
        left -= {one for one in left if can_read(rights, one)}
    return [f"{one.user} was shown {one.entity} of {one.process_id}, which he could never read" for one in sorted(left)]


def can_read(rights: Rights, shown: Shown) -> bool:
    need = reads()[shown.entity.upper().replace("-", "_").removesuffix("S")]
    allowed = rights.of(Principal(USER, shown.user), need.resource_type, need.permissions)
    return allowed is None or (need.of_one and shown.process_id in allowed)


def rights_over_time(log: PartitionLog) -> Iterator[Rights]:
    """After each change of what anybody may do; the same object."""
    rights = Rights()
    for entry in log.events:
        if entry.record is not None and entry.record.value_type in ("GROUP", "AUTHORIZATION"):
            apply(rights, entry.record)
            yield rights


def apply(rights: Rights, record: Record) -> None:
    """What a record of the log changes."""
    if record.value_type == "GROUP":
        group = cast(Group, record.value)
        member = (group.group_id, group.member_type, group.member_id)
        if record.intent == "MEMBER_ADDED":
            rights.members[member] = record.key
        elif record.intent == "MEMBER_REMOVED":
            rights.members.pop(member, None)
    elif record.record_type == "EVENT":
        value = cast(Authorization, record.value)
        rights.grants = {place: grant for place, grant in rights.grants.items() if grant.key != record.key}
        if record.intent != "DELETED":
            place = (value.owner_type, value.owner_id, value.resource_type, value.resource_id)
            rights.grants[place] = Grant(record.key, value.permission_types)


def shown_by(user: str, path: str, items: Collection[Mapping[str, object]]) -> set[Shown]:
    """What an answer to a search shows. `path`: of the request; those that are not in the table show nothing here."""
    entity = path.removeprefix("/v2/").partition("/")[0]
    need = reads().get(entity.upper().replace("-", "_").removesuffix("S"))
    if need is None:
        return set()
    found = {str(item.get("processDefinitionId") or EVERYTHING) if need.of_one else EVERYTHING for item in items}
    return {Shown(user, entity, process_id) for process_id in found if not need.of_one or process_id != EVERYTHING}
