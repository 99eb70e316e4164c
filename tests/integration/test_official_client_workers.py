"""The job workers of the official client against Retold: they poll, work at once, fail, throw, wait and die."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from camunda_orchestration_sdk import (
    CamundaClient,
    ConnectedJobContext,
    JobCompletionRequest,
    JobContext,
    JobError,
    JobFailure,
    JobUpdateRequest,
    SyncJobContext,
    VariableSearchQuery,
    WorkerConfig,
)

from tests.integration.installation import PATIENCE, ROOT, Installation
from tests.integration.official_client import (
    activate,
    connect_async,
    create,
    deploy,
    incident_of,
    instance_in,
    instances,
    unique,
)
from tests.support import models as m

MINUTE_MS = 60_000

#: (configuration, handler, strategy)
Worker = tuple[WorkerConfig, Callable[..., Any], Any]


def config(job_type: str, **changes: Any) -> WorkerConfig:
    return WorkerConfig(**{"job_type": job_type, "job_timeout_milliseconds": MINUTE_MS, **changes})


def work_while(installation: Installation, use: Callable[[], None], *workers: Worker) -> None:
    """Run `use` while these workers serve; they are closed when it is done."""

    async def story() -> None:
        async with connect_async(installation) as client:
            made = [
                client.create_job_worker(config=one, callback=handler, execution_strategy=strategy)
                for one, handler, strategy in workers
            ]
            try:
                async with asyncio.timeout(2 * PATIENCE):
                    await asyncio.to_thread(use)
            finally:
                await asyncio.gather(*(worker.aclose() for worker in made))

    asyncio.run(story())


def variables_of(client: CamundaClient, key: str) -> dict[str, str]:
    """The variables of a finished instance."""
    query = VariableSearchQuery.from_dict({"filter": {"processInstanceKey": key}})
    return {variable.name: variable.value for variable in client.search_variables(data=query).items}


def reckon_apart(job: JobContext) -> dict[str, object]:
    """Runs in a process of its own, so it is a function of a module."""
    return {"squared": job.variables.to_dict()["number"] ** 2}


def test_workers_of_several_types_and_strategies_carry_instances_to_their_end(
    installation: Installation, client: CamundaClient
) -> None:
    name = unique("types")
    types = [f"{name}-{kind}" for kind in ("async", "thread", "process")]
    jobs = [m.job(f"task{index}", job_type) for index, job_type in enumerate(types)]
    deploy(client, m.straight(name, *jobs, names=["task0", "task1", "task2"]))

    async def double(job: ConnectedJobContext) -> dict[str, object]:
        return {"doubled": 2 * job.variables.to_dict()["number"]}

    def halve(job: SyncJobContext) -> dict[str, object]:
        return {"halved": job.variables.to_dict()["number"] / 2}

    def use() -> None:
        keys = [create(client, name, number=number) for number in range(10)]
        instances(client, {"processDefinitionId": name, "state": "COMPLETED"}, 10)
        for number, key in enumerate(keys):
            found = variables_of(client, key)
            assert found == {
                "number": f"{number}",
                "doubled": f"{2 * number}",
                "halved": f"{number / 2}",
                "squared": f"{number**2}",
            }

    work_while(
        installation,
        use,
        (config(types[0], max_concurrent_jobs=3), double, "async"),
        (config(types[1], fetch_variables=["number"]), halve, "thread"),
        (config(types[2]), reckon_apart, "process"),
    )


def test_a_worker_fails_with_back_off_and_tries_again(installation: Installation, client: CamundaClient) -> None:
    name = unique("back-off")
    deploy(client, m.one_task(name, name, retries="3"))
    tries: list[tuple[int, object]] = []

    async def work(job: ConnectedJobContext) -> dict[str, object]:
        tries.append((job.retries, job.variables.to_dict().get("tried")))
        if len(tries) < 3:
            raise JobFailure("not yet", retries=job.retries - 1, retry_back_off=50, variables={"tried": len(tries)})
        return {"done": True}

    def use() -> None:
        instance_in(client, create(client, name), "COMPLETED")

    work_while(installation, use, (config(name), work, "async"))
    assert tries == [(3, None), (2, 1), (1, 2)]


def test_what_a_worker_throws_is_caught_or_an_incident(installation: Installation, client: CamundaClient) -> None:
    name = unique("throws")
    parts = (m.start(), m.job("task", name), m.boundary("caught", "task", "error-a"), m.end(), m.end("rescued"))
    flows = m.chain("start", "task", "end") + m.chain("caught", "rescued")
    deploy(client, m.model(m.process(name, *parts, flows)))
    forgiving = threading.Event()

    async def work(job: ConnectedJobContext) -> dict[str, object]:
        code = job.variables.to_dict()["code"]
        if code == "A" or not forgiving.is_set():
            raise JobError(code, "as it must be", variables={"thrown": code})
        return {"done": True}

    def use() -> None:
        caught, wild = create(client, name, code="A"), create(client, name, code="Z")
        instance_in(client, caught, "COMPLETED")
        assert variables_of(client, caught)["thrown"] == '"A"'
        incident = incident_of(client, wild)
        assert incident.error_type == "UNHANDLED_ERROR_EVENT"
        forgiving.set()
        client.resolve_incident(incident.incident_key)
        instance_in(client, wild, "COMPLETED")
        assert variables_of(client, wild)["done"] == "true"

    work_while(installation, use, (config(name), work, "async"))


def test_an_incident_stops_the_worker_until_it_is_resolved(installation: Installation, client: CamundaClient) -> None:
    name = unique("stopped")
    deploy(client, m.one_task(name, name, retries="1"))
    repaired = threading.Event()

    def work(_: SyncJobContext) -> None:
        if not repaired.is_set():
            raise JobFailure("printer on fire", retries=0)

    def use() -> None:
        key = create(client, name)
        incident = incident_of(client, key)
        assert (incident.error_type, incident.error_message) == ("JOB_NO_RETRIES", "printer on fire")
        repaired.set()
        assert incident.job_key is not None
        client.update_job(incident.job_key, data=JobUpdateRequest.from_dict({"changeset": {"retries": 1}}))
        client.resolve_incident(incident.incident_key)
        instance_in(client, key, "COMPLETED")

    work_while(installation, use, (config(name), work, "thread"))


def test_workers_that_wait_share_what_comes(installation: Installation, client: CamundaClient) -> None:
    """They ask before there is anything, for longer than the test has patience, so only the jobs can wake them."""
    name = unique("waiting")
    deploy(client, m.one_task(name, name))
    worked: list[tuple[str, str]] = []

    async def work(job: ConnectedJobContext) -> None:
        worked.append((job.worker, job.job_key))

    def use() -> None:
        keys = [create(client, name) for _ in range(20)]
        for key in keys:
            instance_in(client, key, "COMPLETED")

    one = {"request_timeout_milliseconds": 5 * int(PATIENCE) * 1000, "max_concurrent_jobs": 1}
    waiting = [(config(name, worker_name=f"worker-{number}", **one), work, "async") for number in range(5)]
    work_while(installation, use, *waiting)
    assert len({key for _, key in worked}) == len(worked) == 20
    assert len({worker for worker, _ in worked}) > 1


DYING = """
import asyncio, sys
from camunda_orchestration_sdk import CamundaAsyncClient, NullLogger, WorkerConfig

async def hold(job):
    print(job.job_key, flush=True)
    await asyncio.Event().wait()

async def main():
    settings = {"CAMUNDA_REST_ADDRESS": sys.argv[1]}
    async with CamundaAsyncClient(configuration=settings, logger=NullLogger()) as client:
        client.create_job_worker(WorkerConfig(job_type=sys.argv[2], job_timeout_milliseconds=2_000), hold)
        await client.run_workers()

asyncio.run(main())
"""


def test_the_job_of_a_worker_that_dies_goes_to_another(installation: Installation, client: CamundaClient) -> None:
    name = unique("dying")
    deploy(client, m.one_task(name, name))
    key = create(client, name)
    command = [sys.executable, "-c", DYING, installation.url, name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as dying:
        assert dying.stdout is not None
        held = dying.stdout.readline().strip()
        dying.kill()
    again: list[tuple[str, int]] = []

    async def work(job: ConnectedJobContext) -> None:
        again.append((job.job_key, job.retries))

    work_while(installation, lambda: instance_in(client, key, "COMPLETED") and None, (config(name), work, "async"))
    assert again == [(held, 3)]


def test_a_worker_sees_tags_and_gives_a_business_id(installation: Installation, client: CamundaClient) -> None:
    name = unique("identity")
    deploy(client, m.straight(name, m.job("a", name), m.job("b", f"{name}-b"), names=["a", "b"]))
    seen: list[object] = []

    async def work(job: ConnectedJobContext) -> JobCompletionRequest:
        seen.append((job.tags, job.business_id))
        return JobCompletionRequest.from_dict({"businessId": f"order {job.process_instance_key}"})

    def use() -> None:
        key = create(client, name)
        assert activate(client, f"{name}-b").business_id == f"order {key}"

    work_while(installation, use, (config(name), work, "async"))
    assert seen == [([], None)]
