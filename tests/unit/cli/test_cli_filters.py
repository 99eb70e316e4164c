"""Options become the filter object of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.cli.faults import UsageFault
from engine.cli.filters import FilterOptions, JobFilterOptions, filter_of, job_filter_of


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"key": ["1"]}, {"processInstanceKey": "1"}),
        ({"key": ["1", "2"]}, {"processInstanceKey": {"$in": ["1", "2"]}}),
        ({"process_id": "order"}, {"processDefinitionId": "order"}),
        ({"process_id": "ord*"}, {"processDefinitionId": {"$like": "ord*"}}),
        ({"version": 3, "state": "active"}, {"processDefinitionVersion": 3, "state": "ACTIVE"}),
        ({"has_incident": False}, {"hasIncident": False}),
        ({"error_message": "card ?xpired"}, {"errorMessage": {"$like": "card ?xpired"}}),
        ({"element_id": "ship"}, {"elementId": "ship"}),
        (
            {"variable": ['region = "north"', "total=1e2"]},
            {"variables": [{"name": "region ", "value": '"north"'}, {"name": "total", "value": "100.0"}]},
        ),
        ({"variable": ['a={"b": [1, 2]}']}, {"variables": [{"name": "a", "value": '{"b":[1,2]}'}]}),
        ({"filter": '{"tags": ["x"]}', "version": 1}, {"tags": ["x"], "processDefinitionVersion": 1}),
    ],
)
def test_options_become_properties(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert filter_of(FilterOptions(**options)) == expected


def test_jobs_may_be_those_of_some_process_instances() -> None:
    options = JobFilterOptions(state="failed", of_instances='{"tags": ["x"]}')
    assert job_filter_of(options) == {"state": "FAILED", "processInstance": {"tags": ["x"]}}
    with pytest.raises(UsageFault, match="--of-instances: expected JSON"):
        job_filter_of(JobFilterOptions(of_instances="[]"))


def test_a_filter_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "filter.json"
    file.write_text('{"state": "ACTIVE"}')
    assert filter_of(FilterOptions(filter=f"@{file}")) == {"state": "ACTIVE"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"variable": ["region"]}, "expected NAME=JSON, got 'region'"),
        ({"variable": ["region=north"]}, "--variable region: expected JSON, got 'north'"),
        ({"variable": ["=1"]}, "expected NAME=JSON"),
        ({"filter": "{"}, "--filter: expected JSON"),
        ({"filter": "[]"}, "--filter: expected JSON"),
        ({"filter": "@/nowhere/at/all"}, "expected a file /nowhere/at/all"),
        ({"filter": '{"state": "ACTIVE"}', "state": "ACTIVE"}, "expected state once"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageFault, match=text.replace("(", r"\(").replace("[", r"\[")):
        filter_of(FilterOptions(**options))
