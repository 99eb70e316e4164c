"""Job activation: all partitions are asked, and those who wait are woken by the log."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from camunda_orchestration_sdk.models.job_activation_result import JobActivationResult

from engine.core.record import Record, command, first_key
from engine.records import Job, JobBatch
from gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import Rule, World, event, refuses
from tests.unit.gateway.test_gateway_routes import run

WISH = {"type": "pay", "timeout": 1000, "maxJobsToActivate": 5, "worker": "w"}


class Jobs:
    """Jobs by partition, and the rule that gives them out."""

    def __init__(self, **counts: int) -> None:
        self.left = {int(name.removeprefix("on_")): count for name, count in counts.items()}

    def rule(self, wish: Record, partition: int) -> list[Record]:
        batch = cast(JobBatch, wish.value)
        count = min(batch.jobs_max, self.left.get(partition, 0))
        self.left[partition] = self.left.get(partition, 0) - count
        job = Job(
            type=batch.type,
            kind="BPMN_ELEMENT",
            retries=3,
            worker=batch.worker,
            deadline=5,
            custom_headers='{"h":"1"}',
            variables='{"a":[1]}',
            process_instance_key=1,
            process_definition_key=2,
            bpmn_process_id="p",
            bpmn_version=1,
            element_id="e",
            element_instance_key=3,
            root_process_instance_key=1,
        )
        given = [
            event(command("JOB", "ACTIVATE", job, key=first_key(partition) + number, step=wish.step), "ACTIVATED")
            for number in range(1, count + 1)
        ]
        return [*given, event(wish, "ACTIVATED", job_keys=tuple(record.key for record in given))]

    def rules(self) -> dict[tuple[str, str], Rule]:
        return {("JOB_BATCH", "ACTIVATE"): self.rule}


async def activate(it: World, **changes: Any) -> JobActivationResult:
    headers = {"Idempotency-Key": "must not be used"}
    response = await it.client.post("/v2/jobs/activation", json={**WISH, **changes}, headers=headers)
    assert response.status_code == 200, response.text
    return JobActivationResult.from_dict(response.json())


async def until_waiting(it: World, count: int, asked: int) -> None:
    """Until so many requests for jobs were answered without any."""
    while len(it.engine.commands) < asked:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert f"retold_long_polls {count}" in (await it.client.get("/metrics")).text


def test_an_activated_job_in_the_shape_of_the_official_client() -> None:
    async def scenario(it: World) -> None:
        ((job),) = (await activate(it)).jobs
        assert (job.type_, job.worker, job.retries, job.deadline) == ("pay", "w", 3, 5)
        assert job.variables.to_dict() == {"a": [1]}
        assert job.custom_headers.to_dict() == {"h": "1"}
        assert int(job.job_key) == first_key(1) + 1
        assert {wish.step.idempotency_key for _, wish in it.engine.commands} == {""}

    run(scenario, Jobs(on_1=1).rules())


def test_several_partitions_are_asked_until_there_are_enough() -> None:
    async def scenario(it: World) -> None:
        assert len((await activate(it, maxJobsToActivate=5)).jobs) == 5
        asked = [(partition, cast(JobBatch, wish.value).jobs_max) for partition, wish in it.engine.commands]
        assert asked == [(1, 5), (2, 3), (3, 1)]
        assert len((await activate(it, maxJobsToActivate=9, requestTimeout=-1)).jobs) == 2

    run(scenario, Jobs(on_1=2, on_2=2, on_3=3).rules(), partition_count=3)


def test_without_waiting_nothing_comes_back_at_once() -> None:
    async def scenario(it: World) -> None:
        assert (await activate(it, requestTimeout=-1)).jobs == []
        assert len(it.engine.commands) == 2

    run(scenario, Jobs().rules())


def test_who_waits_is_woken_and_asks_only_where_there_are_jobs() -> None:
    jobs = Jobs()

    async def scenario(it: World) -> None:
        waiting = asyncio.ensure_future(activate(it))
        await until_waiting(it, 1, asked=2)
        jobs.left[2] = 1
        await it.engine.offer("other", 2)
        await it.engine.offer("pay", 2)
        assert len((await waiting).jobs) == 1
        assert [partition for partition, _ in it.engine.commands[2:]] == [2]
        assert "retold_long_polls 0" in (await it.client.get("/metrics")).text

    run(scenario, jobs.rules())


def test_one_job_wakes_one_of_many() -> None:
    jobs = Jobs()

    async def scenario(it: World) -> None:
        waiting = {asyncio.ensure_future(activate(it, maxJobsToActivate=1)) for _ in range(5)}
        await until_waiting(it, 5, asked=5)
        jobs.left[1] = 1
        await it.engine.offer("pay", 1)
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [len(one.result().jobs) for one in done] == [1]
        # the one that got all it asked for wakes the next, which finds none and waits on
        await until_waiting(it, 4, asked=7)
        assert len(it.engine.commands) == 7
        jobs.left[1] = 4
        await it.engine.offer("pay", 1)
        assert sum(len(one.jobs) for one in await asyncio.gather(*waiting)) == 4

    run(scenario, jobs.rules(), partition_count=1)


def test_the_wait_ends_after_the_time_asked_for() -> None:
    async def scenario(it: World) -> None:
        assert (await activate(it, requestTimeout=1)).jobs == []
        assert (await activate(it)).jobs == []  # the default, one millisecond here

    run(scenario, Jobs().rules(), settings=GatewaySettings(long_poll_ms=1))


def test_jobs_that_were_activated_reach_the_worker_though_another_partition_fails() -> None:
    jobs = Jobs(on_1=1)
    failing = refuses("PROCESSING_ERROR")

    async def scenario(it: World) -> None:
        found = [await it.client.post("/v2/jobs/activation", json={**WISH, "requestTimeout": -1}) for _ in range(2)]
        assert sorted(one.status_code for one in found) == [200, 500]
        (good,) = (one for one in found if one.status_code == 200)
        assert len(good.json()["jobs"]) == 1

    run(scenario, {("JOB_BATCH", "ACTIVATE"): lambda wish, at: jobs.rule(wish, at) if at == 1 else failing(wish, at)})


def test_who_hangs_up_takes_no_job() -> None:
    jobs = Jobs()

    async def scenario(it: World) -> None:
        hung_up = asyncio.Event()
        sent = [{"type": "http.request", "body": b'{"type":"pay","timeout":1,"maxJobsToActivate":1}'}]
        answered: list[Any] = []

        async def receive() -> Any:
            if sent:
                return sent.pop()
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answered.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v2/jobs/activation",
            "raw_path": b"/v2/jobs/activation",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        request = asyncio.ensure_future(it.app(cast(Any, scope), receive, send))
        await until_waiting(it, 1, asked=1)
        hung_up.set()
        await request
        jobs.left[1] = 1
        await it.engine.offer("pay", 1)
        assert len((await activate(it)).jobs) == 1
        assert len(it.engine.commands) == 2

    run(scenario, jobs.rules(), partition_count=1)
