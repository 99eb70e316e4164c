"""The demo's own rules: what it starts, which payments fail, and when it says that something is wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from cli_engine import Answer, FakeEngine, batch, page

from engine.cli.client import Client
from engine.cli.demo import batches, orders, replayed
from engine.cli.demo.engine_process import EngineProcess
from engine.cli.faults import CommandFailed
from engine.cli.progress import LineBars

COUNT = 10_000
RUN = "run-1"


def test_a_run_has_orders_and_invoices_on_every_partition() -> None:
    calls = list(orders.starts(RUN, COUNT))
    kinds = Counter((call.body["processDefinitionId"], number % 2) for number, call in enumerate(calls))
    assert kinds == {
        (orders.ORDER_PROCESS, 0): 4750,
        (orders.ORDER_PROCESS, 1): 4750,
        (orders.INVOICE_PROCESS, 0): 250,
        (orders.INVOICE_PROCESS, 1): 250,
    }
    assert orders.order_count(COUNT) == 9500
    assert {call.body["variables"]["run"] for call in calls} == {RUN}


def test_payments_fail_for_both_reasons_in_every_region() -> None:
    found = Counter(
        (orders.payment_problem(order), order["region"], number % 2)
        for number in range(COUNT)
        for order in [orders.order(RUN, number)]
    )
    problems = ("", orders.CARD_EXPIRED, orders.PROVIDER_DOWN)
    assert set(found) == {(p, region, parity) for p in problems for region in orders.REGIONS for parity in (0, 1)}


def test_customers_withdraw_what_no_storm_takes_and_nobody_has_paid() -> None:
    numbers = [int(order_id.removeprefix(f"{RUN}-")) for order_id in orders.withdrawn(RUN, COUNT, 50)]
    assert len(set(numbers)) == 50
    assert min(numbers) > COUNT * 0.9
    assert {orders.order(RUN, number)["region"] for number in numbers} == {orders.QUIET_REGION}


def test_texts_are_compared_as_json() -> None:
    assert orders.variable("run", "a") == {"name": "run", "value": '"a"'}
    assert orders.variable("region", "a", "b") == {"name": "region", "value": {"$in": ['"a"', '"b"']}}


def test_the_models_are_there() -> None:
    folder = Path(orders.__file__).parents[1] / "models"
    assert {model for model in orders.MODELS if (folder / model).is_file()} == set(orders.MODELS)


def test_other_digests_are_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    before = {1: {"JOBS": "aa", "ITEMS": "bb", "FORMS": replayed.EMPTY}}
    replayed.compare(before, before)
    shown = capsys.readouterr().out
    assert "All 3 tables are the same on 1 partitions, 1 of them empty." in shown
    assert "FORMS" not in shown
    with pytest.raises(CommandFailed, match="JOBS of partition 1"):
        replayed.compare(before, {1: {**before[1], "JOBS": "xx"}})
    with pytest.raises(CommandFailed, match="JOBS of partition 1, ITEMS of partition 1"):
        replayed.compare(before, {})


def test_numbers_that_do_not_add_up_are_noticed(engine: FakeEngine) -> None:
    engine.answers("GET", "/batch-operations/42", Answer(batch("42", "COMPLETED", total=2, completed=1)))
    with Client(engine.url) as client, pytest.raises(CommandFailed, match="all its items done"):
        batches.finish(client, "42", LineBars(0))


def test_items_that_differ_from_the_counts_are_noticed(engine: FakeEngine) -> None:
    engine.answers("GET", "/batch-operations/42", Answer(batch("42", "COMPLETED", total=1, completed=1)))
    engine.answers("POST", "/batch-operation-items/search", page({"state": "FAILED"}))
    with Client(engine.url) as client, pytest.raises(CommandFailed, match="as many items as counted"):
        batches.finish(client, "42", LineBars(0))


def test_an_engine_that_cannot_start_is_told(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("not a directory")
    with EngineProcess(file, 1) as engine, pytest.raises(CommandFailed, match="expected the engine to start"):
        engine.start()


def test_lines_come_when_enough_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    bars = LineBars(0.5)
    for done in range(1, 5):
        bars.show("Work", done, 4)
    bars.show("Work", 4, 4)
    assert capsys.readouterr().err.splitlines() == ["Work: 1/4", "Work: 3/4", "Work: 4/4"]
