"""Who is told of the end of a batch operation: remembered until it was told, given up in bounded time, not silently."""

from __future__ import annotations

import msgspec
import pytest

from engine.batch.webhooks import ATTEMPTS_MAX, BACKOFF_MS_MAX, WEBHOOK, WEBHOOKS
from engine.core.background import Delivery, DeliveryResult
from engine.records import BatchOperationLifecycleManagement
from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import batch
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import ASSEMBLY, Scenario, make

URL = "https://example.com/hook?a=1"


def ended(s: Scenario, url: str = URL) -> Delivery:
    """A batch operation that has ended, with the webhook that is due then."""
    s.deploy(m.one_task())
    s.create("one")
    options = BatchOptions(webhook=url, name="night", labels=("a", "b"), reason="asked for")
    s.when(batch(options=options), 1)
    s.flush_all()
    return due(s)


def due(s: Scenario) -> Delivery:
    delivery = ASSEMBLY.deliveries().wanted(s.machine(), s.now)
    assert delivery is not None
    return delivery


def report(s: Scenario, delivery: Delivery, result: DeliveryResult) -> Moment:
    moment = s.when_internal(ASSEMBLY.deliveries().report(delivery, result))
    s.flush_all()
    return moment


def test_the_end_is_told_with_state_and_counts(scenario: MakeScenario) -> None:
    s = scenario(2)
    delivery = ended(s)
    assert (delivery.url, delivery.attempts) == (URL, 0)
    assert msgspec.json.decode(delivery.body) == {
        "batchOperationKey": str(delivery.key),
        "batchOperationType": "CANCEL_PROCESS_INSTANCE",
        "state": "COMPLETED",
        "endDate": "2023-11-14T22:13:20.000Z",
        "operationsTotalCount": 1,
        "operationsCompletedCount": 1,
        "operationsFailedCount": 0,
        "operationsSkippedCount": 0,
        "operationsCanceledCount": 0,
        "name": "night",
        "labels": ["a", "b"],
        "reason": "asked for",
        "parentBatchOperationKey": None,
        "dryRun": False,
        "planBatchOperationKey": None,
    }
    told = report(s, delivery, DeliveryResult(status=204)).one(WEBHOOK, "WEBHOOK_DELIVERED")
    assert (told.value.url, told.value.attempts, told.value.status) == (URL, 1, 204)
    assert s.is_empty()


def test_a_dry_run_and_the_commit_of_a_plan_are_told_apart(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    s.when(batch(options=BatchOptions(webhook=URL, dry_run=True, keep_plan=True))).accepted()
    plan = due(s)
    report(s, plan, DeliveryResult(status=204))
    s.when(batch("", "", options=BatchOptions(webhook=URL, plan_key=plan.key))).accepted()
    told = [msgspec.json.decode(delivery.body) for delivery in (plan, due(s))]
    assert [(body["dryRun"], body["planBatchOperationKey"]) for body in told] == [(True, None), (False, str(plan.key))]


def test_it_is_known_after_a_crash(scenario: MakeScenario) -> None:
    s = scenario()
    delivery = ended(s)
    s.crash(1)
    assert due(s) == delivery


def test_what_fails_is_tried_again_later_and_given_up_in_the_end(scenario: MakeScenario) -> None:
    s = scenario()
    delivery, deliveries = ended(s), ASSEMBLY.deliveries()
    pauses = []
    for _ in range(ATTEMPTS_MAX - 1):
        told = report(s, due(s), DeliveryResult(status=500, error="no")).one(WEBHOOK, "WEBHOOK_RETRYING")
        assert deliveries.wanted(s.machine(), s.now) is None
        assert deliveries.next_at(s.machine()) == told.value.retry_at
        pauses.append(told.value.retry_at - s.now)
        s.now = told.value.retry_at
    assert pauses[:3] == [1_000, 2_000, 4_000]
    assert max(pauses) == pauses[-1] == BACKOFF_MS_MAX
    told = report(s, due(s), DeliveryResult(error="nobody there")).one(WEBHOOK, "WEBHOOK_FAILED")
    assert (told.key, told.value.attempts, told.value.error_message) == (delivery.key, ATTEMPTS_MAX, "nobody there")
    assert s.is_empty()


def test_what_is_not_allowed_is_given_up_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    result = DeliveryResult(error="not allowed", retryable=False)
    report(s, ended(s), result).one(WEBHOOK, "WEBHOOK_FAILED")


def test_a_report_that_comes_late_or_twice_is_stale(scenario: MakeScenario) -> None:
    s = scenario()
    delivery = ended(s)
    report(s, delivery, DeliveryResult(status=500))
    assert not ASSEMBLY.deliveries().is_open(s.machine(), delivery)
    report(s, delivery, DeliveryResult(status=200)).rejected("INVALID_STATE", "stale")
    s.now += 1_000
    again = due(s)
    report(s, again, DeliveryResult(status=200)).one(WEBHOOK, "WEBHOOK_DELIVERED")
    report(s, again, DeliveryResult(status=200)).rejected("INVALID_STATE", "stale")


def test_who_deletes_a_batch_operation_wants_nobody_told_and_the_log_says_so(scenario: MakeScenario) -> None:
    s = scenario()
    delivery = ended(s)
    value = BatchOperationLifecycleManagement()
    moment = s.when(make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "DELETE", value, delivery.key))
    s.flush_all()
    assert s.machine().get(WEBHOOKS, delivery.key) is None
    assert moment.one(WEBHOOK, "WEBHOOK_FAILED").value.error_message == "the batch operation was deleted"


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com", "https://", "https://user:pw@example.com", "https://example.com/#x", "example.com"),
        *("https://example.com/a b", "https://exämple.com", "https://example.com:0", "https://example.com:123456"),
        *("https://example.com/\n", "https://-a.com", "https://a..b", "https://example.com@evil.com/"),
        "https://example.com/" + "a" * 2_048,
    ],
)
def test_a_senseless_url_is_refused(scenario: MakeScenario, url: str) -> None:
    scenario().when(batch(options=BatchOptions(webhook=url)), 1).rejected("INVALID_ARGUMENT", "webhook: expected")


@pytest.mark.parametrize(
    "url", ["http://a", "https://[::1]:8443/x", "https://a-b.example.com:1?x=y", "HTTPS://A.B/%20"]
)
def test_a_url_is_taken(scenario: MakeScenario, url: str) -> None:
    assert ended(scenario(), url).url == url
