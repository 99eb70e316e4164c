"""Every command has its permission, every permission is checked somewhere, and the documentation tells all of it."""

from __future__ import annotations

from pathlib import Path

from engine.identity.needs import NEEDS
from engine.identity.permissions import PERMISSIONS, permission_to_create
from engine.operations import OPERATIONS
from engine.records.intents import INTENTS
from exporters.search.entities import ENTITIES
from exporters.search.resources import RESOURCES
from exporters.search.statistics import STATISTICS
from gateway.access import EVALUATE, READS

#: For operations that are to come.
NOT_YET = {
    ("SYSTEM", "READ"),
}


def test_every_command_of_a_client_needs_a_permission_and_internal_ones_none() -> None:
    commands = {(family, intent) for family, intents in INTENTS.items() for intent in intents.commands}
    assert set(NEEDS) == commands, "say in engine/identity/needs.py what a new command of clients needs"


def test_every_need_names_permissions_that_there_are() -> None:
    for need in NEEDS.values():
        assert set(need.permissions) <= set(PERMISSIONS[need.resource_type])


def test_every_operation_has_its_permissions() -> None:
    for name, operation in OPERATIONS.items():
        assert permission_to_create(name) in PERMISSIONS["BATCH"], f"add {name} to engine/identity/permissions.py"
        assert operation.permission in PERMISSIONS[operation.resource_type]


def test_everything_that_is_searched_needs_a_permission() -> None:
    assert set(READS) == {*ENTITIES, *STATISTICS}, "say in gateway/access.py what a new entity needs"
    for resource_type, permissions in (*READS.values(), EVALUATE):
        assert set(permissions) <= set(PERMISSIONS[resource_type])
    assert set(RESOURCES) <= set(ENTITIES)


def test_every_permission_is_checked_somewhere() -> None:
    checked = {(need.resource_type, name) for need in NEEDS.values() for name in need.permissions}
    checked |= {(kind, name) for kind, permissions in (*READS.values(), EVALUATE) for name in permissions}
    checked |= {(operation.resource_type, operation.permission) for operation in OPERATIONS.values()}
    checked |= {("BATCH", name) for name in PERMISSIONS["BATCH"]}  # by the type of the batch operation
    listed = {(kind, name) for kind, names in PERMISSIONS.items() for name in names}
    assert listed - checked == NOT_YET


TEXT = (Path(__file__).parents[2] / "docs" / "authorization.md").read_text()


def rows(name: str) -> list[str]:
    """The rows of a table of the document."""
    lines = TEXT.partition(f"<!-- {name} -->\n")[2].partition("\n\n")[0].splitlines()
    return lines[2:]


def words(names: tuple[str, ...], between: str) -> str:
    return between.join(f"`{name}`" for name in names)


def test_the_document_has_every_permission() -> None:
    assert rows("permissions") == [f"| `{kind}` | {words(names, ', ')} |" for kind, names in PERMISSIONS.items()]


def test_the_document_says_what_every_command_needs() -> None:
    expected = []
    for (family, intent), need in NEEDS.items():
        type_too = " or that of its type" if family == "BATCH_OPERATION_CREATION" else ""
        wanted = f"{words(need.permissions, ' or ')}{type_too}"
        reach = "one or all" if need.find else "all"
        expected.append(f"| `{family} {intent}` | `{need.resource_type}` | {wanted} | {reach} |")
    assert rows("needs") == expected


def test_the_document_says_what_every_search_needs() -> None:
    assert rows("reads") == [
        f"| `{entity}` | `{kind}` | {words(names, ' or ')} | {'one or all' if entity in RESOURCES else 'all'} |"
        for entity, (kind, names) in READS.items()
    ]


def test_the_document_says_what_creating_each_type_and_its_items_need() -> None:
    told = [" | ".join(row.split(" | ")[:4]) for row in rows("items")]
    assert told == [
        f"| `{name}` | `CREATE` or `{permission_to_create(name)}` | `{each.resource_type}` | `{each.permission}`"
        for name, each in sorted(OPERATIONS.items())
    ]
