"""What a search is narrowed to by its place in the API: the scopes around something, the process instances below it.

Rule: documents know their own scope and their own caller only, so this walks, level by level.
"""

from __future__ import annotations

from collections.abc import Iterable

from exporters.opensearch import mappings
from exporters.search.store import Within

from .indices import Indices, Source
from .places import of_kind
from .queries import NOTHING, Query, all_of, any_of, none_of, term, terms

ELEMENT_INSTANCES = of_kind(mappings.ELEMENT_INSTANCE)
CALLED = of_kind(mappings.PROCESS_INSTANCE)


class Neighbourhood:
    """Makes queries of places."""

    def __init__(self, indices: Indices) -> None:
        self._indices = indices

    async def query_of(self, entity: str, within: Within) -> Query:
        """What a search of this entity is narrowed to."""
        if entity == "INCIDENT" and within.name == "PROCESS_INSTANCE":
            return terms("process_instance_key", await self.tree(within.key))
        if entity == "INCIDENT":
            return terms("element_instance_key", await self._inside(within.key))
        if within.name == "SCOPE":
            return await self._seen(within.key)
        return await self._of_user_task(within.key, effective=within.name == "EFFECTIVE")

    async def tree(self, top: int) -> list[int]:
        """The process instance and those that it called, directly or not."""
        found = level = [top]
        while level:
            called = await self._indices.all_of(mappings.INSTANCES, all_of(CALLED, terms("parent_key", level)), ["key"])
            level = [source["key"] for source in called]
            found = [*found, *level]
        return found

    async def callers(self, key: int) -> list[Source]:
        """The process instance and those that called it, from the root on; nothing for one that nobody called."""
        paths = ["key", "parent_key", "definition_key", "process_id", "process_name"]
        found: list[Source] = []
        caller: int | None = key
        while caller is not None:
            one = await self._indices.first(mappings.INSTANCES, all_of(CALLED, term("key", caller)), paths)
            if one is None:
                break
            found.insert(0, one)
            caller = one.get("parent_key")
        return found if len(found) > 1 or (found and found[0].get("parent_key") is not None) else []

    async def _inside(self, element_instance: int) -> list[int]:
        """The element instance and all inside of it, over the calls of process instances too."""
        found = level = [element_instance]
        while level:
            below = any_of(
                all_of(ELEMENT_INSTANCES, terms("scope_key", level)), all_of(CALLED, terms("parent_element_key", level))
            )
            level = [source["key"] for source in await self._indices.all_of(mappings.INSTANCES, below, ["key"])]
            found = [*found, *level]
        return found

    async def _of_user_task(self, key: int, *, effective: bool) -> Query:
        task = await self._indices.first(
            mappings.INSTANCES,
            all_of(of_kind(mappings.USER_TASK), term("key", key)),
            ["process_instance_key", "element_instance_key"],
        )
        if task is None:
            return NOTHING
        scopes = await self._scopes(task["element_instance_key"])
        return await self._variables(task["process_instance_key"], scopes, effective=effective)

    async def _seen(self, key: int) -> Query:
        """Variables that a process instance or an element instance sees."""
        element = await self._element(key, ["process_instance_key"])
        instance = key if element is None else element["process_instance_key"]
        return await self._variables(instance, await self._scopes(key), effective=True)

    async def _scopes(self, key: int) -> list[int]:
        """The scope itself and those around it, to that of the process instance."""
        found = [key]
        while element := await self._element(found[-1], ["scope_key"]):
            found.append(element["scope_key"])
        return found

    async def _element(self, key: int, paths: list[str]) -> Source | None:
        return await self._indices.first(mappings.INSTANCES, all_of(ELEMENT_INSTANCES, term("key", key)), paths)

    async def _variables(self, instance: int, scopes: Iterable[int], *, effective: bool) -> Query:
        """Variables of these scopes; `effective`: of one name that of the innermost, which was made last."""
        visible = all_of(of_kind(mappings.VARIABLE), term("process_instance_key", instance), terms("scope_key", scopes))
        if not effective:
            return visible
        innermost: dict[str, Source] = {}
        hidden = []
        for variable in await self._indices.all_of(mappings.INSTANCES, visible, ["key", "name", "scope_key"]):
            other = innermost.setdefault(variable["name"], variable)
            if other is not variable:
                inner, outer = sorted((variable, other), key=lambda one: -one["scope_key"])
                innermost[variable["name"]] = inner
                hidden.append(outer["key"])
        return all_of(visible, none_of(terms("key", hidden)))
