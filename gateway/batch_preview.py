"""What a batch operation would be about now: how many, of which processes and in which states, and some of them. Pure.

Rule: evaluated exactly as the initialization would, by the same queries; a moment later it may be another number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.ports import SelectedItem
from exporters.search.store import Document, SelectionGroup

#: Items that are shown.
SAMPLES_MAX = 5
#: Keys given by hand of which nothing is known, as many as are named.
UNKNOWN_MAX = 20


def preview_of(
    groups: Sequence[SelectionGroup],
    samples: Sequence[SelectedItem],
    unknown: Sequence[int],
    request: Mapping[str, Any],
) -> Document:
    """What `POST /batch-operations/preview` answers."""
    states: Counter[str] = Counter()
    processes: Counter[tuple[int | None, str | None, int | None]] = Counter()
    for group in groups:
        if group.state is not None:
            states[group.state] += group.count
        processes[group.process_definition_key, group.process_definition_id, group.version] += group.count
    total = sum(group.count for group in groups)
    return {
        "total": total,
        "withIncidents": sum(group.count for group in groups if group.has_incident),
        "states": [{"state": state, "count": count} for state, count in sorted(states.items())],
        "processDefinitions": [
            {
                "processDefinitionKey": None if key is None else str(key),
                "processDefinitionId": process,
                "processDefinitionVersion": version,
                "count": count,
            }
            for (key, process, version), count in sorted(
                processes.items(), key=lambda one: (-one[1], one[0][1] or "", one[0][2] or 0)
            )
        ],
        "samples": [_shown(item) for item in sorted(samples, key=lambda one: one.item_key)[:SAMPLES_MAX]],
        "unknownIds": [str(key) for key in unknown[:UNKNOWN_MAX]],
        "unknownCount": len(unknown),
        "warning": None if total or unknown else "nothing matches: it would end at once without items",
        "request": request,
    }


def _shown(item: SelectedItem) -> Document:
    instance = item.process_instance_key
    return {"itemKey": str(item.item_key), "processInstanceKey": str(instance) if instance >= 0 else None}
