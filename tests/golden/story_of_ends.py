"""The part of the golden story in which the end of batch operations is told, and something is done without any."""

from __future__ import annotations

from engine.batch.webhooks import ATTEMPTS_MAX, BACKOFF_MS_MAX
from engine.core.background import DeliveryResult
from engine.records import BatchOperationCreation
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import CANCEL, DELETE_INSTANCES, RESTART, batch
from tests.support.scenario import ASSEMBLY, Scenario, make

WHICH = '{"processDefinitionId": "short"}'
HEARD, BUSY = DeliveryResult(status=204), DeliveryResult(status=503, error="busy")


def tell_the_ends(s: Scenario) -> None:
    """A webhook that is heard at the second attempt, one that never is; instances that are canceled, started anew and
    deleted at once."""
    s.deploy(m.one_task("short"))
    for results in ([BUSY, HEARD], [BUSY] * ATTEMPTS_MAX):
        s.create("short")
        s.when(batch(CANCEL, WHICH, options=BatchOptions(webhook="https://example.com/ended")), 1)
        for result in results:
            delivery = ASSEMBLY.deliveries().wanted(s.machine(), s.now)
            assert delivery is not None
            s.when_internal(ASSEMBLY.deliveries().report(delivery, result))
            s.advance(BACKOFF_MS_MAX)
    keys = tuple(s.create("short") for _ in range(2))
    _at_once(s, CANCEL, keys)
    definition = s.everything().all("PROCESS", "CREATED")[-1].key
    facts = [ItemFacts(item_key=key, state="TERMINATED", process_definition_key=definition) for key in keys]
    _at_once(s, RESTART, keys, tuple(facts))
    _at_once(s, DELETE_INSTANCES, keys)


def _at_once(s: Scenario, kind: str, keys: tuple[int, ...], facts: tuple[ItemFacts, ...] = ()) -> None:
    wish = BatchOperationCreation(
        batch_operation_type=kind,
        item_keys=keys,
        parameters=ASSEMBLY.operation_codecs.encode(kind, ASSEMBLY.operations[kind].parameters()),
        options=BatchOptions(reason="at once"),
        facts=facts,
    )
    s.when(make("BATCH_OPERATION_CREATION", "EXECUTE", wish)).accepted()
