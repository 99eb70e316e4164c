"""What a caller may read: searches find the rows of these resources alone, whatever else is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.faults import BadRequest
from exporters.search import SearchStore
from exporters.search.entities import ENTITIES
from exporters.search.resources import RESOURCES
from tests.conformance.conftest import OpenStore
from tests.conformance.search_model import Json, Told, worlds
from tests.conformance.test_search import all_of, generated, play

LIMIT = {"page": {"limit": 10_000}}
#: What the id of a resource is called in documents.
IDS = ("processDefinitionId", "bpmnProcessId", "decisionDefinitionId", "decisionRequirementsId")


def id_of(document: Json, instances: dict[str, Json]) -> str | None:
    """The id of the resource of a document; a variable has that of its process instance."""
    for name in IDS:
        if name in document:
            return document[name]  # type: ignore[no-any-return]
    instance = instances.get(document["processInstanceKey"])
    return instance["processDefinitionId"] if instance else None


@given(told=worlds, data=st.data())
@generated
def test_only_rows_of_readable_resources_are_found(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    async def scenario(search: SearchStore) -> None:
        instances = {each["processInstanceKey"]: each for each in await all_of(search, "PROCESS_INSTANCE", {})}
        for entity in RESOURCES:
            documents = await all_of(search, entity, {})
            known = sorted({id_ for each in documents if (id_ := id_of(each, instances))})
            readable = data.draw(st.sets(st.sampled_from([*known, "none"]), max_size=2))
            wanted = [each for each in documents if id_of(each, instances) in readable]
            found = await search.search(entity, LIMIT, None, readable)
            assert (found.items, found.total) == (wanted, len(wanted)), (entity, readable)

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


@pytest.mark.parametrize("entity", sorted(set(ENTITIES) - set(RESOURCES)))
def test_rows_of_no_resource_are_not_found_by_one(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, entity: str
) -> None:
    async def scenario(search: SearchStore) -> None:
        with pytest.raises(BadRequest, match="belong to resources"):
            await search.search(entity, {}, None, {"one"})

    play(open_store, tmp_path_factory.mktemp("search"), Told(stories=[], instances=[]), scenario)
