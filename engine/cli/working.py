"""The loop of `retold worker`: take jobs, run a command for each, tell the engine how it went."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from .client import Document, base_url, no_connection, read_answer
from .faults import CommandFailed, NoConnection, Refused
from .job_commands import COMPLETED, ERROR_THROWN, FAILED, GIVEN_BACK, GRACE_SECONDS, Result, Rules, run_command
from .login import login_headers
from .options import Connection
from .output import print_json, print_line, print_note

#: How long the engine waits for jobs when there are none, in ms: so long Ctrl-C may have to wait.
POLL_MS = 2_000
#: A job's time-out is so much longer than that of its command, in seconds, so that its end can be told.
MARGIN_SECONDS = 10.0 + GRACE_SECONDS
#: Seconds before a request that failed is sent again: doubled from the first to the second.
RETRY_DELAY_MIN, RETRY_DELAY_MAX = 0.1, 5.0
#: How often the outcome of a job is sent when the engine does not answer.
REPORT_ATTEMPTS_MAX = 10

UNAVAILABLE = (500, 502, 503, 504)
BAD_REQUEST = 400


class Limits(Struct, frozen=True, kw_only=True):
    """Which jobs, how many at a time, and how many in all (None: until Ctrl-C)."""

    types: Sequence[str]
    concurrency: int
    back_off: float
    name: str
    count: int | None


async def work(connection: Connection, rules: Rules, limits: Limits) -> int:
    """Work until Ctrl-C or the count is reached; gives how many jobs were not completed. Raises NoConnection."""
    async with httpx.AsyncClient(timeout=POLL_MS / 1000 + 60, headers=login_headers()) as http:
        return await _Working(connection, rules, limits, http).run()


class _Working:
    """Every slot is free, waits for a job of a type, or runs a command."""

    def __init__(self, connection: Connection, rules: Rules, limits: Limits, http: httpx.AsyncClient) -> None:
        self._url = base_url(connection.url)
        self._json = connection.json
        self._rules = rules
        self._limits = limits
        self._http = http
        self._stop = asyncio.Event()
        self._types = deque(limits.types)
        self._polls: dict[str, asyncio.Task[Sequence[Document]]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._begun = 0
        self._failed = 0
        self._known = False
        self._delay = 0.0

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            while not self._stop.is_set() and self._begun != self._limits.count:
                self._poll_for_more()
                open_tasks = [stopping, *self._polls.values(), *self._running]
                await asyncio.wait(open_tasks, return_when=asyncio.FIRST_COMPLETED)
                self._begin_jobs()
        finally:
            # A job that a poll under way is given must not wait for its time-out: it is given back.
            self._stop.set()
            await asyncio.gather(*self._polls.values(), return_exceptions=True)
            with contextlib.suppress(CommandFailed):
                self._begin_jobs()
            await asyncio.gather(*self._running, return_exceptions=True)
            stopping.cancel()
        return self._failed

    def _interrupt(self) -> None:
        """First: no more jobs. Again: end the commands."""
        if self._stop.is_set():
            for task in self._running:
                task.cancel()
        elif self._running:
            print_note(f"Waiting for {len(self._running)} jobs; Ctrl-C again gives them back.")
        self._stop.set()

    # taking

    def _poll_for_more(self) -> None:
        """Types take turns when there are more of them than free slots."""
        waiting = len(self._polls)
        free = self._limits.concurrency - len(self._running) - waiting
        if self._limits.count is not None:
            free = min(free, self._limits.count - self._begun - waiting)
        for _ in range(len(self._types)):
            job_type = self._types[0]
            self._types.rotate(-1)
            if free > 0 and job_type not in self._polls:
                self._polls[job_type] = asyncio.create_task(self._poll(job_type))
                free -= 1

    async def _poll(self, job_type: str) -> Sequence[Document]:
        """One job at most, so that what is taken is begun at once. Raises CommandFailed when trying again is no use."""
        body = {
            "type": job_type,
            "worker": self._limits.name,
            "timeout": int((self._rules.timeout + MARGIN_SECONDS) * 1000),
            "maxJobsToActivate": 1,
            "requestTimeout": POLL_MS // max(1, len(self._types) // self._limits.concurrency),
        }
        try:
            jobs: Sequence[Document] = (await self._post("/jobs/activation", body))["jobs"]
        except (NoConnection, Refused) as fault:
            if not self._known or not _may_pass(fault):
                raise
            if not self._delay:
                print_note(f"{fault}\ntrying again")
            self._delay = min(2 * self._delay or RETRY_DELAY_MIN, RETRY_DELAY_MAX)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._delay):
                    await self._stop.wait()
            return ()
        self._known, self._delay = True, 0.0
        return jobs

    def _begin_jobs(self) -> None:
        """Begin what was taken. Raises what a poll raised."""
        faults: list[BaseException] = []
        for job_type, poll in [(name, poll) for name, poll in self._polls.items() if poll.done()]:
            del self._polls[job_type]
            fault = poll.exception()
            if fault is not None:
                faults.append(fault)
                continue
            for job in poll.result():
                self._begun += 1
                task = asyncio.create_task(self._do(job, give_back=self._stop.is_set()))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        if faults:
            raise faults[0]

    # working

    async def _do(self, job: Document, *, give_back: bool) -> None:
        result = Result(outcome=GIVEN_BACK)
        if not give_back:
            with contextlib.suppress(asyncio.CancelledError):
                result = await run_command(self._rules, job)
        await self._report(job, result)

    async def _report(self, job: Document, result: Result) -> None:
        delay = RETRY_DELAY_MIN
        path, body = _request(job, result, self._limits.back_off)
        problem = ""
        for _ in range(REPORT_ATTEMPTS_MAX):
            try:
                await self._post(f"/jobs/{job['jobKey']}/{path}", body)
                problem = ""
                break
            except (NoConnection, Refused) as fault:
                problem = " ".join(str(fault).split())
                if _is_unacceptable(fault) and result.outcome in (COMPLETED, ERROR_THROWN):
                    # Given out again after its time-out, it would end the same way, for ever.
                    await self._report(job, Result(outcome=FAILED, message=problem))
                    return
                if not _may_pass(fault):
                    break
            await asyncio.sleep(delay)
            delay = min(2 * delay, RETRY_DELAY_MAX)
        else:
            problem = f"the engine was not told: {problem}"
        self._failed += result.outcome not in (COMPLETED, ERROR_THROWN) or bool(problem)
        self._print(job, result, problem)

    def _print(self, job: Document, result: Result, problem: str) -> None:
        if self._json:
            told = {"jobKey": job["jobKey"], "type": job["type"], "processInstanceKey": job["processInstanceKey"]}
            more = {"errorCode": result.error_code, "message": result.message, "problem": problem}
            print_json({**told, "outcome": result.outcome, **{name: text for name, text in more.items() if text}})
            return
        about = ": ".join(filter(None, [result.error_code, " ".join(result.message.split())]))
        print_line(f"{job['jobKey']} {job['type']} {result.outcome}{' ' if about else ''}{about}")
        if problem:
            print_note(f"{job['jobKey']}: {problem}")

    async def _post(self, path: str, body: dict[str, Any]) -> Document:
        try:
            response = await self._http.post(
                self._url + path, content=msgspec.json.encode(body), headers={"Content-Type": "application/json"}
            )
        except httpx.TransportError as error:
            raise no_connection(self._url, error) from None
        return read_answer(response)


def _may_pass(fault: CommandFailed) -> bool:
    return isinstance(fault, NoConnection) or (isinstance(fault, Refused) and fault.status in UNAVAILABLE)


def _is_unacceptable(fault: CommandFailed) -> bool:
    return isinstance(fault, Refused) and fault.status == BAD_REQUEST


def _request(job: Document, result: Result, back_off: float) -> tuple[str, dict[str, Any]]:
    """Where the outcome is sent to, and what is said."""
    if result.outcome == COMPLETED:
        return "completion", {"variables": result.variables}
    if result.outcome == ERROR_THROWN:
        body = {"errorCode": result.error_code, "errorMessage": result.message, "variables": result.variables}
        return "error", body
    failed = result.outcome == FAILED
    return "failure", {
        "retries": max(job["retries"] - failed, 0),
        "errorMessage": result.message if failed else "the worker gave it back",
        "retryBackOff": int(back_off * 1000) if failed else 0,
        "variables": result.variables,
    }
