"""The orders and invoices of the demo: what each number is about. No chance is involved, so every run is the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.cli.load import Call

ORDER_PROCESS = "order-fulfilment"
PARCEL_PROCESS = "parcel-delivery"
INVOICE_PROCESS = "invoice-approval"
PROCESSES = (ORDER_PROCESS, PARCEL_PROCESS, INVOICE_PROCESS)
MODELS = (*(f"{process_id}.bpmn" for process_id in PROCESSES), "order-discount.dmn")

COLLECT_MONEY = "collect-money"
CARRY_PARCEL = "carry-parcel"
WITHDRAWN = "order-withdrawn"

REGIONS = ("north", "east", "south", "west")
#: The regions whose orders are canceled.
STORM_REGIONS = ("north", "east", "south")
#: Where customers withdraw: the last orders of those that are not canceled, because nobody has tried their payment.
QUIET_REGION = "west"

#: Instances go to the partitions in turn; two neighbours are alike, so that each partition gets some of every kind.
ALIKE = 2

#: One instance in so many is an invoice; of the orders one is paid with an expired card, one meets a silent provider.
INVOICE_EVERY = 20
TROUBLE_EVERY = 9

PROVIDER_DOWN = "payment provider does not answer"
CARD_EXPIRED = "card has expired"

Variables = dict[str, Any]


def starts(run: str, count: int) -> Iterator[Call]:
    """The requests that start all instances of a run."""
    for number in range(count):
        if is_invoice(number):
            yield _start(INVOICE_PROCESS, invoice(run, number))
        else:
            yield _start(ORDER_PROCESS, order(run, number))


def order_count(count: int) -> int:
    """How many of so many instances are orders."""
    return sum(not is_invoice(number) for number in range(count))


def is_invoice(number: int) -> bool:
    """Whether an instance is an invoice; the others are orders."""
    return number // ALIKE % INVOICE_EVERY == 0


def order(run: str, number: int) -> Variables:
    """An order."""
    kind = number // ALIKE
    return {
        "run": run,
        "orderId": f"{run}-{number}",
        "region": REGIONS[kind % len(REGIONS)],
        "total": 20 + kind * 37 % 160,
        "customerYears": kind % 5,
        "card": "expired" if kind % TROUBLE_EVERY == 3 else "valid",
        "provider": "down" if kind % TROUBLE_EVERY == 7 else "up",
    }


def withdrawn(run: str, count: int, wanted: int) -> list[str]:
    """The ids of so many orders that their customers withdraw."""
    quiet = [
        order(run, number)
        for number in range(count)
        if not is_invoice(number) and REGIONS[number // ALIKE % len(REGIONS)] == QUIET_REGION
    ]
    return [one["orderId"] for one in quiet[-wanted:]]


def invoice(run: str, number: int) -> Variables:
    """An invoice of two lines."""
    return {
        "run": run,
        "invoiceId": f"invoice-{number}",
        "lines": [{"price": 10 + number % 7, "quantity": 2}, {"price": 3, "quantity": 1 + number % 25}],
        "approver": "demo",
        "dueDate": "2030-01-31T12:00:00Z",
    }


def payment_problem(variables: Variables) -> str:
    """Why the money of an order cannot be collected; empty when it can."""
    if variables.get("card") == "expired":
        return CARD_EXPIRED
    return PROVIDER_DOWN if variables.get("provider") == "down" else ""


def of_run(run: str, **conditions: Any) -> dict[str, Any]:
    """A filter of the orders of a run."""
    return {"processDefinitionId": ORDER_PROCESS, "variables": [variable("run", run)], **conditions}


def variable(name: str, *values: str) -> dict[str, Any]:
    """A condition of a filter: the variable has one of these texts."""
    texts = [msgspec.json.encode(value).decode() for value in values]
    return {"name": name, "value": texts[0] if len(texts) == 1 else {"$in": texts}}


def _start(process_id: str, variables: Variables) -> Call:
    return Call("POST", "/process-instances", {"processDefinitionId": process_id, "variables": variables})
