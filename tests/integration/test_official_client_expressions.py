"""The official client evaluates expressions."""

from __future__ import annotations

from typing import Any

import pytest
from camunda_orchestration_sdk import CamundaClient
from camunda_orchestration_sdk.errors import BadRequestError
from camunda_orchestration_sdk.models import (
    ExpressionEvaluationRequest,
    ExpressionEvaluationRequestVariables,
    ExpressionEvaluationResult,
)
from camunda_orchestration_sdk.semantic_types import ScopeKey
from camunda_orchestration_sdk.types import UNSET, Unset

from tests.integration.official_client import activate, create, deploy, instance_in, refused, unique
from tests.support.models import one_task


def evaluate(
    client: CamundaClient, expression: str, scope_key: ScopeKey | Unset = UNSET, **variables: Any
) -> ExpressionEvaluationResult:
    given = ExpressionEvaluationRequestVariables.from_dict(variables)
    body = ExpressionEvaluationRequest(expression=expression, scope_key=scope_key, variables=given)
    return client.evaluate_expression(data=body)


def test_an_expression_over_the_variables_of_the_request(client: CamundaClient) -> None:
    found = evaluate(client, "=x + y", x=10, y=20)
    assert (found.expression, found.result, found.warnings, found.referenced_secrets) == ("=x + y", 30, [], [])
    assert evaluate(client, '= [date("2026-02-27") + @"P2D", xs[item > 1]]', xs=[1, 2]).result == [
        "2026-03-01",
        [2],
    ]
    assert evaluate(client, "no expression").result == "no expression"


def test_null_comes_with_warnings_that_name_the_place(client: CamundaClient) -> None:
    found = evaluate(client, "=1 +\n  nobody")
    assert found.result is None
    assert [warning.message for warning in found.warnings] == [
        "expected the variable 'nobody' to have a value, got none (line 2, column 3)",
        "expected operands of '+' that fit together, got number 1 and null (line 1, column 4)",
    ]


@pytest.mark.parametrize(
    ("expression", "detail"),
    [
        ("=1 + ", "(line 1, column 6)\n=1 + \n     ^"),
        ("=nobody(1)", "expected the name of a function, got 'nobody'"),
        ("=uuid(1)", "expected uuid(), got 1 arguments"),
        ("=for x in 1..1000, y in 1..10000 return x * y", "(line 1, column 2)"),
        ('=assert(1, false, "never")', "expression: never"),
    ],
)
def test_what_has_no_result_is_a_bad_request(client: CamundaClient, expression: str, detail: str) -> None:
    refused(BadRequestError, lambda: evaluate(client, expression), "Bad Request", detail)


def test_an_expression_over_the_variables_of_a_scope(client: CamundaClient) -> None:
    process_id = unique("expressions")
    deploy(client, one_task(process_id, job_type=process_id))
    instance = create(client, process_id, amount=150, status="open")
    job = activate(client, process_id)
    instance_in(client, instance, "ACTIVE")
    condition = '=amount > 100 and status = "open"'
    for scope_key in (instance, job.element_instance_key):
        assert evaluate(client, condition, scope_key).result is True
    assert evaluate(client, condition, instance, amount=5).result is False
