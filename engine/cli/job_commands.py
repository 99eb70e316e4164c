"""Running a command for a job, and what its end means for the job. Knows processes, no engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from .client import Document

#: Bytes of standard output that are taken as variables; what the engine takes of them is less.
OUTPUT_SIZE_MAX = 4 * 1024 * 1024
#: The end of standard error that becomes the message of a failure, in bytes.
ERRORS_SIZE_MAX = 8 * 1024
#: Seconds between asking a command to end and killing it.
GRACE_SECONDS = 5.0

COMPLETED = "completed"
FAILED = "failed"
ERROR_THROWN = "error thrown"
GIVEN_BACK = "given back"


class Rules(Struct, frozen=True, kw_only=True):
    """What is run, for how long at most (seconds), and which exit codes throw which BPMN errors."""

    command: Sequence[str]
    timeout: float
    errors: Mapping[int, str]


class Result(Struct, frozen=True, kw_only=True):
    """What is to become of a job."""

    outcome: str
    message: str = ""
    error_code: str = ""
    variables: Mapping[str, Any] = {}


async def run_command(rules: Rules, job: Document) -> Result:
    """Run the command for a job. When it is cancelled the command is ended first."""
    try:
        process = await _start(rules.command, job)
    except OSError as error:
        return Result(outcome=FAILED, message=f"expected to run {rules.command[0]}, got: {error}")
    try:
        async with asyncio.timeout(rules.timeout):
            output, errors = await _talk(process, msgspec.json.encode(job["variables"]))
            exit_code = await process.wait()
    except TimeoutError:
        await _end(process)  # it may be over, and what it started goes on and holds its output
        return Result(outcome=FAILED, message=f"expected an end within {rules.timeout:g} s, got none")
    finally:
        if process.returncode is None:
            await _end(process)
        # What the command has started may hold its output for ever; there is no public way to let go of that.
        process._transport.close()  # type: ignore[attr-defined]
    return _judge(rules, exit_code, output, errors.decode(errors="replace").strip())


async def _start(command: Sequence[str], job: Document) -> asyncio.subprocess.Process:
    words = command if len(command) > 1 else ("/bin/sh", "-c", *command)
    return await asyncio.create_subprocess_exec(
        *words,
        env={**os.environ, **_environment(job)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Ctrl-C is for the worker alone.
        start_new_session=True,
    )


def _environment(job: Document) -> dict[str, str]:
    return {
        "JOB_KEY": job["jobKey"],
        "JOB_TYPE": job["type"],
        "JOB_RETRIES": str(job["retries"]),
        "JOB_HEADERS": msgspec.json.encode(job["customHeaders"]).decode(),
        "ELEMENT_ID": job["elementId"],
        "PROCESS_INSTANCE_KEY": job["processInstanceKey"],
    }


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> tuple[bytes, bytes]:
    """Standard output from its beginning, standard error up to its end; neither without bounds."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _, output, errors = await asyncio.gather(
        _write(process.stdin, given),
        _read_first(process.stdout, OUTPUT_SIZE_MAX + 1),
        _read_last(process.stderr, ERRORS_SIZE_MAX),
    )
    return output, errors


async def _write(stream: asyncio.StreamWriter, data: bytes) -> None:
    """A command need not read."""
    with contextlib.suppress(ConnectionError):
        stream.write(data)
        await stream.drain()
    with contextlib.suppress(ConnectionError):
        stream.close()
        await stream.wait_closed()


async def _read_first(stream: asyncio.StreamReader, size_max: int) -> bytes:
    kept = bytearray()
    while data := await stream.read(1 << 16):
        kept += data[: size_max - len(kept)]
    return bytes(kept)


async def _read_last(stream: asyncio.StreamReader, size_max: int) -> bytes:
    kept = b""
    while data := await stream.read(1 << 16):
        kept = (kept + data)[-size_max:]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command and all that it started: the second signal reaches what outlived the first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()


def _judge(rules: Rules, exit_code: int, output: bytes, errors: str) -> Result:
    try:
        variables = _variables(output)
    except ValueError as error:
        if exit_code == 0:
            return Result(outcome=FAILED, message=str(error))
        variables = {}
    if exit_code == 0:
        return Result(outcome=COMPLETED, variables=variables)
    code = rules.errors.get(exit_code)
    if code is not None:
        return Result(outcome=ERROR_THROWN, error_code=code, message=errors, variables=variables)
    how = f"exit code {exit_code}" if exit_code > 0 else f"signal {signal.Signals(-exit_code).name}"
    return Result(outcome=FAILED, message=errors or f"the command ended with {how}", variables=variables)


def _variables(output: bytes) -> dict[str, Any]:
    """What the command printed. Raises ValueError."""
    if not output.strip():
        return {}
    if len(output) > OUTPUT_SIZE_MAX:
        raise ValueError(f"expected at most {OUTPUT_SIZE_MAX} bytes on standard output, got more")
    try:
        return msgspec.json.decode(output, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        start = output[:60].decode(errors="replace").strip()
        raise ValueError(f"expected a JSON object on standard output, got {start!r} ({error})") from None
