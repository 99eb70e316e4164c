"""Load on the engine: instances are started, and job workers do their work or fail at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files

from msgspec import Struct

from engine.cli.batch_watch import NOT_FOUND
from engine.cli.client import Client, Document
from engine.cli.faults import Refused
from engine.cli.load import Call, send_all
from engine.cli.progress import Bars

from .orders import CARRY_PARCEL, COLLECT_MONEY, MODELS, PROVIDER_DOWN, WITHDRAWN, payment_problem, starts

#: Jobs that one activation asks for: few, because partitions are asked in turn. They stay with the worker beyond the
#: end of the demo.
JOBS_MAX = 250
TIMEOUT_MS = 2 * 60 * 60 * 1000

DELIVERED = {"variables": {"deliveredTo": "a neighbour"}}


class Payments(Struct, frozen=True, kw_only=True):
    """What became of the payments that were tried."""

    collected: int
    card_expired: int
    provider_down: int


def deploy_models(client: Client) -> Sequence[Document]:
    """Deploy the models of the demo; gives the processes."""
    folder = files("engine.cli") / "models"
    parts = [("resources", (name, (folder / name).read_bytes(), "application/xml")) for name in MODELS]
    answer = client.post("/deployments", files=parts)
    return [one["processDefinition"] for one in answer["deployments"] if one["processDefinition"]]


def start_instances(url: str, run: str, count: int, bars: Bars) -> None:
    """Start all instances of a run, many at the same time."""
    send_all(url, starts(run, count), answered=lambda done, _answer: bars.show("Start process instances", done, count))


def collect_money(client: Client, run: str, wanted: int, bars: Bars) -> Payments:
    """Try so many payments of a run; some fail without retries left, which raises incidents."""
    problems: list[str] = []

    def call(job: Document) -> Call:
        problem = payment_problem(job["variables"])
        if problem:
            return Call("POST", f"/jobs/{job['jobKey']}/failure", {"retries": 0, "errorMessage": problem})
        return Call("POST", f"/jobs/{job['jobKey']}/completion", {"variables": {"paid": True}})

    for jobs in _activations(client, COLLECT_MONEY, run, wanted):
        done = len(problems)
        send_all(client.url, map(call, jobs), answered=_shower(bars, "Collect money", done, wanted))
        problems += [payment_problem(job["variables"]) for job in jobs]
    failed = [problem for problem in problems if problem]
    down = failed.count(PROVIDER_DOWN)
    return Payments(collected=len(problems) - len(failed), card_expired=len(failed) - down, provider_down=down)


def take_parcels(client: Client, run: str) -> list[Document]:
    """Take all jobs that carry a parcel of a run; they are on the road now."""
    return [job for jobs in _activations(client, CARRY_PARCEL, run, None) for job in jobs]


def withdraw(url: str, order_ids: Sequence[str], bars: Bars) -> None:
    """Publish what the customers say who withdraw their orders. An order that is not there yet gets it later."""
    calls = (
        Call(
            "POST",
            "/messages/publication",
            {"name": WITHDRAWN, "correlationKey": each, "timeToLive": TIMEOUT_MS, "variables": {"reason": "too late"}},
        )
        for each in order_ids
    )
    send_all(url, calls, answered=_shower(bars, "Publish messages", 0, len(order_ids)))


def deliver(url: str, jobs: Sequence[Document], bars: Bars, name: str) -> None:
    """Complete jobs; their process instances end, and so do those that called them."""
    calls = (Call("POST", f"/jobs/{job['jobKey']}/completion", DELIVERED) for job in jobs)
    send_all(url, calls, answered=_shower(bars, name, 0, len(jobs)))


def deliver_if_possible(client: Client, jobs: Sequence[Document], bars: Bars, name: str) -> int:
    """Complete those jobs that are still there; gives their number. Search may be behind, and show more of them."""
    delivered = 0
    for done, job in enumerate(jobs, 1):
        try:
            client.post(f"/jobs/{job['jobKey']}/completion", DELIVERED)
            delivered += 1
        except Refused as fault:
            if fault.status != NOT_FOUND:
                raise
        bars.show(name, done, len(jobs))
    return delivered


def _activations(client: Client, job_type: str, run: str, wanted: int | None) -> Iterator[list[Document]]:
    """Jobs of a run, until so many came or there are no more. Jobs of earlier runs are taken and left to time out."""
    taken = 0
    while wanted is None or taken < wanted:
        size = JOBS_MAX if wanted is None else min(JOBS_MAX, wanted - taken)
        body = {
            "type": job_type,
            "timeout": TIMEOUT_MS,
            "maxJobsToActivate": size,
            "worker": "demo",
            "requestTimeout": -1,
        }
        jobs = client.post("/jobs/activation", body)["jobs"]
        if not jobs:
            return
        ours = [job for job in jobs if job["variables"].get("run") == run]
        taken += len(ours)
        if ours:
            yield ours


def _shower(bars: Bars, name: str, before: int, total: int) -> Callable[[int, Document], None]:
    return lambda done, _answer: bars.show(name, before + done, total)
