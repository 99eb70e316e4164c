"""The part of the golden story in which the end of batch operations is told, and something is done without any."""

from __future__ import annotations

from engine.batch.webhooks import ATTEMPTS_MAX, BACKOFF_MS_MAX
from engine.core.background import DeliveryResult
from engine.records import BatchOperationCreation
from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import CANCEL, batch
from tests.support.scenario import ASSEMBLY, Scenario, make

WHICH = '{"processDefinitionId": "short"}'
HEARD, BUSY = DeliveryResult(status=204), DeliveryResult(status=503, error="busy")


def tell_the_ends(s: Scenario) -> None:
    """A webhook that is heard at the second attempt, one that never is; instances that are canceled at once."""
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
    wish = BatchOperationCreation(
        batch_operation_type=CANCEL,
        item_keys=keys,
        parameters=ASSEMBLY.operation_codecs.encode(CANCEL, ASSEMBLY.operations[CANCEL].parameters()),
        options=BatchOptions(reason="at once"),
    )
    s.when(make("BATCH_OPERATION_CREATION", "EXECUTE", wish)).accepted()
