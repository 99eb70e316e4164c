"""The story of the demo, from start to end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from engine.app import find_free_port
from engine.cli.client import Client, Document
from engine.cli.faults import CommandFailed
from engine.cli.output import console, is_terminal, print_fields, print_line, print_table, shown, shown_count
from engine.cli.progress import Bars, open_bars
from engine.config import load

from . import batches, orders, replayed, work
from .engine_process import PARTITIONS, EngineProcess

#: Held deliveries that happen while the cancellation is suspended, at most.
DELIVERIES_MAX = 25

#: Shares of the orders whose payment is tried, and of the parcels that arrive at once.
PAID_SHARE = 0.4
ARRIVED_SHARE = 0.3
#: One order in so many is withdrawn by its customer.
WITHDRAWN_EVERY = 200

#: What commands that read the log need besides the data directory, when it is not in there.
SERVICE_SETTINGS = (
    "RETOLD_KAFKA_BOOTSTRAP_SERVERS",
    "RETOLD_KAFKA_TOPIC_PREFIX",
    "RETOLD_OPENSEARCH_URL",
    "RETOLD_OPENSEARCH_INDEX_PREFIX",
)


def tell(data: Path, count: int, port: int) -> None:
    """Do everything on a data directory; on a terminal serve until Ctrl-C. Raises CommandFailed."""
    started = time.monotonic()
    with EngineProcess(data.absolute(), port or find_free_port("127.0.0.1")) as engine:
        _say(f"Start the engine on {data}, with {PARTITIONS} partitions{_services()}")
        print_line(engine.start())
        with Client(engine.url) as client:
            run = f"run-{int(time.time() * 1000)}"
            Telling(client, run, count).tell()
        _replay(engine)
        _say(f"Done in {time.monotonic() - started:.0f} s")
        if not is_terminal():
            _show_the_way(engine, data)
            return
        print_line(engine.start())
        _show_the_way(engine, data)
        print_line("Serving until Ctrl-C.")
        try:
            engine.wait()
        except KeyboardInterrupt:
            print_line("Stopping.")


class Telling:
    """One run of the story; its instances carry the name of the run, so that other runs do not disturb it."""

    def __init__(self, client: Client, run: str, count: int) -> None:
        self._client = client
        self._run = run
        self._count = count

    def tell(self) -> None:
        """All of it."""
        self._deploy()
        with open_bars(share=0.25, as_result=True) as bars:
            _say(f"Start {shown_count(self._count)} process instances")
            work.start_instances(self._client.url, self._run, self._count, bars)
            payments = self._work(bars)
        self._resolve(payments)
        on_the_road = self._deliver()
        self._cancel(on_the_road)
        self._show_counts()

    def _deploy(self) -> None:
        _say(f"Deploy {len(orders.MODELS)} models")
        rows = [
            (one["processDefinitionId"], str(one["processDefinitionVersion"]), one["processDefinitionKey"])
            for one in work.deploy_models(self._client)
        ]
        print_table(("PROCESS", "VERSION", "DEFINITION KEY"), rows)

    def _work(self, bars: Bars) -> work.Payments:
        wanted = int(orders.order_count(self._count) * PAID_SHARE)
        payments = work.collect_money(self._client, self._run, wanted, bars)
        failed = payments.card_expired + payments.provider_down
        with_incident = orders.of_run(self._run, hasIncident=True)
        batches.wait_for_count(self._client, with_incident, failed, bars, "Incidents that search shows")
        return payments

    def _resolve(self, payments: work.Payments) -> None:
        _say(f"The payment provider is up again: resolve the {payments.provider_down} incidents that name it")
        wanted = orders.of_run(self._run, errorMessage=orders.PROVIDER_DOWN)
        key = batches.create(self._client, "/process-instances/incident-resolution", wanted)
        with open_bars(as_result=True) as bars:
            outcome = batches.finish(self._client, key, bars)
            left = orders.of_run(self._run, hasIncident=True)
            batches.wait_for_count(self._client, left, payments.card_expired, bars, "Incidents that are left")
        _check("items of the resolution", outcome.counts.completed, payments.provider_down)

    def _deliver(self) -> Sequence[Document]:
        """Some orders end, whether their parcels arrive or their customers withdraw; gives the other parcels."""
        _say("Some parcels are on the road, some of them arrive; some customers withdraw their orders")
        withdrawn = orders.withdrawn(self._run, self._count, max(self._count // WITHDRAWN_EVERY, 1))
        with open_bars(share=1.0, as_result=True) as bars:
            parcels = work.take_parcels(self._client, self._run)
            arrived = int(len(parcels) * ARRIVED_SHARE)
            work.deliver(self._client.url, parcels[:arrived], bars, "Deliver parcels")
            work.withdraw(self._client.url, withdrawn, bars)
            ended, wanted = arrived + len(withdrawn), orders.of_run(self._run, state="COMPLETED")
            batches.wait_for_count(self._client, wanted, ended, bars, "Orders that search shows as completed")
        return parcels[arrived:]

    def _cancel(self, on_the_road: Sequence[Document]) -> None:
        storm = orders.of_run(self._run, state="ACTIVE")
        storm["variables"] = [*storm["variables"], orders.variable("region", *orders.STORM_REGIONS)]
        matching = batches.count_of(self._client, storm)
        _say(f"A storm: cancel {shown_count(matching)} orders of {', '.join(orders.STORM_REGIONS)}")
        key = batches.create(self._client, "/process-instances/cancellation", storm)
        late = self._deliver_while_suspended(key, on_the_road)
        with open_bars(as_result=True) as bars:
            outcome = batches.finish(self._client, key, bars)
        self._show_outcome(outcome)
        _check("items of the cancellation", outcome.counts.total, matching)
        _check("items that failed because the order was complete", outcome.counts.failed, late)

    def _deliver_while_suspended(self, key: str, parcels: Sequence[Document]) -> int:
        """Suspend the cancellation, complete some orders that it is about to cancel, resume it; gives their number."""
        with open_bars(as_result=True) as bars:
            suspended = batches.suspend_midway(self._client, key, bars)
        if not suspended:
            _say("It ended before it could be suspended; try a larger --count")
            return 0
        _say("Suspended: meanwhile some of the parcels arrive, so their orders cannot be canceled any more")
        on_the_road = {parcel["rootProcessInstanceKey"]: parcel for parcel in parcels}
        pending = batches.pending_instances(self._client, key)
        arriving = [on_the_road[one] for one in pending if one in on_the_road][:DELIVERIES_MAX]
        with open_bars(share=1.0, as_result=True) as bars:
            delivered = work.deliver_if_possible(self._client, arriving, bars, "Deliver parcels")
        _say("Resume it")
        self._client.post(f"/batch-operations/{key}/resumption")
        return delivered

    def _show_outcome(self, outcome: batches.Outcome) -> None:
        document = outcome.document
        print_fields(
            [
                ("Batch operation", document["batchOperationKey"]),
                ("State", document["state"]),
                *((name.capitalize(), shown_count(count)) for name, count in outcome.counts.parts()),
            ]
        )
        if outcome.failed:
            print_line(f"The first of {len(outcome.failed)} items that failed:")
            rows = [(item["itemKey"], item["state"], shown(item["errorMessage"])) for item in outcome.failed[:3]]
            print_table(("PROCESS INSTANCE", "STATE", "ERROR"), rows)

    def _show_counts(self) -> None:
        _say("What search shows now")
        rows = []
        for process_id in orders.PROCESSES:
            wanted = orders.of_run(self._run, processDefinitionId=process_id)
            counts = [
                batches.count_of(self._client, {**wanted, **conditions})
                for conditions in (
                    {},
                    {"state": "ACTIVE"},
                    {"state": "COMPLETED"},
                    {"state": "TERMINATED"},
                    {"hasIncident": True},
                )
            ]
            rows.append((process_id, *map(shown_count, counts)))
        print_table(("PROCESS", "STARTED", "ACTIVE", "COMPLETED", "TERMINATED", "WITH INCIDENT"), rows)


def _services() -> str:
    """What the settings say about services; the engine has the environment of the demo."""
    settings = load(None, {})
    found = {
        "its log on Kafka at": settings.kafka.bootstrap_servers,
        "search in OpenSearch at": settings.opensearch.url,
    }
    return "".join(f", {name} {address}" for name, address in found.items() if address)


def _replay(engine: EngineProcess) -> None:
    _say("Stop, delete the state, and let the engine replay it from the log")
    engine.stop()
    before = replayed.digests_of(engine.data)
    replayed.delete_state(engine.data)
    engine.start()
    engine.stop()
    replayed.compare(before, replayed.digests_of(engine.data))


def _check(what: str, got: int, expected: int) -> None:
    if got != expected:
        raise CommandFailed(f"expected {expected} {what}, got {got}")


def _say(text: str) -> None:
    if is_terminal():
        console().print(f"\n[bold]{text}[/bold]")
    else:
        print_line(f"\n{text}")


def _show_the_way(engine: EngineProcess, data: Path) -> None:
    directory = shlex.quote(str(data))
    steps = [
        ("Status page", engine.url.removesuffix("/v2")),
        ("Where commands find it", f"export RETOLD_URL={engine.url}"),
        ("Orders with incidents", "retold instances list --has-incident"),
        ("Resolve them", f"retold batch resolve-incidents --error-message '{orders.CARD_EXPIRED}' --watch"),
        ("All batch operations", "retold batch list"),
        ("The log", f"retold log --data {directory} --tail 20"),
        ("Proof, once it is stopped", f"retold replay verify --data {directory}"),
    ]
    if not engine.is_running:
        again = f"retold run --data {directory} --port {engine.port} --partitions {PARTITIONS}"
        steps.insert(0, ("Start it again", again))
    if given := [f"{name}={shlex.quote(os.environ[name])}" for name in SERVICE_SETTINGS if name in os.environ]:
        steps.insert(0, ("The services it uses", f"export {' '.join(given)}"))
    if shutil.which("retold") is None:
        steps.insert(0, ("Put retold on the path", f'export PATH="{Path(sys.executable).parent}:$PATH"'))
    _say("Where to look next")
    print_fields(steps)
