"""The part of the golden story about history that is deleted, and messages that are given directly."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.batch.removal_time import Body, read
from engine.operations.correlate_message import Parameters as Correlation
from engine.records import BatchOperationLifecycleManagement, DecisionEvaluation, Deployment, HistoryDeletion
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import CORRELATE, DELETE_DECISIONS, DELETE_INSTANCES, batch
from tests.support.decisions import decision, literal, model
from tests.support.scenario import Scenario, make


def forget(s: Scenario) -> None:
    """Instances and evaluations, one at a time and many; one that still runs; some whose end is told late."""
    s.deploy(m.straight("forgotten", m.receive("wait"), names=["wait"]))
    keys = [s.create("forgotten", '{"key": "k", "secret": 1}', partition=number) for number in (1, 2, 1, 2)]
    wanted = '{"processDefinitionId": "forgotten"}'
    s.when(batch(CORRELATE, wanted, Correlation(message_name="a", variables='{"x": 1}')))
    running = s.create("forgotten", '{"key": "k"}')
    for key in (keys[0], running):
        value = HistoryDeletion(resource_key=key, resource_type="PROCESS_INSTANCE", reason="asked for")
        s.when(make("HISTORY_DELETION", "DELETE", value, key, request="gateway/1"))
    s.search.exports = False
    s.when(batch(DELETE_INSTANCES, '{"processDefinitionId": "forgotten", "state": {"$exists": true}}'))
    s.search.exports = True
    s.drain()
    file = Resource(resource_name="forgotten.dmn", resource=model(decision("forgotten", literal("1"))))
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=(file,))), 1)
    for number in (1, 2):
        wish = DecisionEvaluation(decision_id="forgotten")
        s.when(make("DECISION_EVALUATION", "EVALUATE", wish, request="gateway/2"), number)
    s.when(batch("SET_DECISION_REMOVAL_TIME", '{"state": "EVALUATED"}', read(Body(cleared_removal_time=True))))
    s.when(batch(DELETE_DECISIONS, '{"state": "EVALUATED"}'))
    schedule_removals(s)


def schedule_removals(s: Scenario) -> None:
    """What had ended is deleted at a time, but for one that is to stay; and what set that, at another time."""
    wanted = '{"processDefinitionId": "forgotten", "state": {"$exists": true}}'
    key = s.create("forgotten", '{"key": "k"}')
    s.cancel(key)
    date = datetime.fromtimestamp((s.now + 500) / 1000, UTC).isoformat()
    moment = s.when(batch("SET_REMOVAL_TIME", wanted, read(Body(absolute_removal_time=date))))
    value = BatchOperationLifecycleManagement(removal_time=s.now + 500)
    batch_key = moment.all("BATCH_OPERATION_CREATION", "CREATED")[0].key
    s.when(make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "SCHEDULE", value, batch_key))
    ended = read(Body(cleared_removal_time=True))
    s.when(batch("SET_BATCH_REMOVAL_TIME", '{"state": "COMPLETED"}', ended, excluded_keys=(batch_key,)))
    s.advance(500)
