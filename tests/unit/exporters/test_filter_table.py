"""Every property and operator of a filter of process instances (spec/camunda8 7.4, 7.5) is known, or refused by name.

None is ignored: that has hit the wrong instances elsewhere (camunda/camunda #42721, #43728). That each is evaluated
as it should be is shown of every store in `tests/conformance/test_search.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from exporters.search.filters import check_filter

KEY = ("$eq", "$neq", "$exists", "$in", "$notIn")
TEXT = (*KEY, "$like")
NUMBER = ("$eq", "$neq", "$exists", "$gt", "$gte", "$lt", "$lte", "$in")
EVERY = sorted({*TEXT, *NUMBER})
DAY = "2000-01-01T00:00:00.000Z"
#: Property -> a value, and its operators; of a plain one the value alone may be given.
PROPERTIES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "processInstanceKey": ("17", KEY),
    "processDefinitionId": ("nobody", TEXT),
    "processDefinitionName": ("nobody", TEXT),
    "processDefinitionVersion": (77, NUMBER),
    "processDefinitionVersionTag": ("nobody", TEXT),
    "processDefinitionKey": ("17", KEY),
    "parentProcessInstanceKey": ("17", KEY),
    "parentElementInstanceKey": ("17", KEY),
    "startDate": (DAY, NUMBER),
    "endDate": (DAY, NUMBER),
    "state": ("TERMINATED", TEXT),
    "hasIncident": (True, ()),
    "tenantId": ("nobody", TEXT),
    "batchOperationId": ("17", TEXT),
    "errorMessage": ("nobody", TEXT),
    "hasRetriesLeft": (True, ()),
    "elementInstanceState": ("TERMINATED", TEXT),
    "elementId": ("nobody", TEXT),
    "hasElementInstanceIncident": (True, ()),
    "incidentErrorHashCode": (77, NUMBER),
    "tags": (["nobody"], ()),
    "businessId": ("nobody", TEXT),
    "variables": ([{"name": "nobody", "value": "1"}], ()),
}
LISTS = ("$in", "$notIn")


def term(operator: str, value: Any) -> Any:
    return [value] if operator in LISTS else True if operator == "$exists" else value


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_issue_42721_every_property_is_known_with_its_operators_alone(name: str) -> None:
    value, operators = PROPERTIES[name]
    assert check_filter("PROCESS_INSTANCE", {name: value}) == []
    assert check_filter("PROCESS_INSTANCE", {"$or": [{name: value}]}) == []
    for operator in EVERY if name not in ("tags", "variables") else ():
        problems = check_filter("PROCESS_INSTANCE", {name: {operator: term(operator, value)}})
        if operator in operators:
            assert problems == [], f"expected {operator} of {name} to be known"
        else:
            assert [problem.split(":")[0] for problem in problems] in (
                [f"filter.{name}"],
                [f"filter.{name}.{operator}"],
            )


@pytest.mark.parametrize("operator", TEXT)
def test_issue_42721_variables_are_filtered_by_every_operator(operator: str) -> None:
    wanted = [{"name": "amount", "value": {operator: term(operator, "1")}}]
    assert check_filter("PROCESS_INSTANCE", {"variables": wanted}) == []


def test_issue_43728_alternatives_are_beside_all_other_conditions() -> None:
    nested = {"$or": [{"state": "ACTIVE", "$or": [{"hasIncident": True}]}]}
    (problem,) = check_filter("PROCESS_INSTANCE", nested)
    assert problem.startswith("filter.$or[0].$or: expected no $or inside of $or")
    (problem,) = check_filter("PROCESS_INSTANCE", {"$or": [{}]})
    assert "it would match everything" in problem


@pytest.mark.parametrize("name", ["processInstanceId", "$and", "$not", "batchOperation", "State", ""])
def test_what_is_unknown_is_refused_by_name(name: str) -> None:
    (problem,) = check_filter("PROCESS_INSTANCE", {name: "17"})
    assert problem.startswith(f"filter.{name}: expected a property out of processInstanceKey, ")
