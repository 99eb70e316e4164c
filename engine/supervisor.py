"""Starts the processes of an installation, starts again what dies, and ends them in order.

Owns no data, but the address: it is bound here and handed to the gateway, so that a port in use is noticed before
anything else and callers wait, rather than being refused, while a gateway is started again. What it knows of its
children and of the other machines is written to `DIR/overview.json`, which the gateway shows as readiness.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path

from engine.assembly import build_name
from engine.child_process import ChildProcess
from engine.config import Settings
from engine.core.faults import RetoldError, Unavailable
from engine.overview import OVERVIEW_FILE, write_overview
from engine.processes import start_telemetry
from engine.roles.host import first_of
from engine.roles.membership import Member, Membership, SoleMember
from engine.roles.protocol import GATEWAY, LOG, SUPERVISOR
from engine.roles.supervisor import Supervisor
from engine.schema_ids import register_schemas
from engine.shell.directory_lock import DirectoryLock
from engine.telemetry.metrics import STARTS

#: Addresses that say nothing about where a machine is.
ANY_ADDRESS = ("0.0.0.0", "::")


def run(settings: Settings) -> int:
    """`retold run`: serve until SIGTERM or SIGINT. Gives the exit code. Raises RetoldError with what is wrong."""
    for warning in settings.warnings():
        sys.stderr.write(f"warning: {warning}\n")
    settings.opensearch.check_files()
    os.umask(0o077)
    # The address first: when it is in use nothing has been written yet.
    with _bind_for(settings) as listener:
        lock = _lock(settings.data)
        try:
            register_schemas(settings)
            return asyncio.run(_serve(settings, listener))
        finally:
            lock.release()


def _bind_for(settings: Settings) -> socket.socket:
    try:
        return _bind(settings.host, settings.port)
    except RetoldError:
        if (settings.data / "run").is_dir():
            _lock(settings.data).release()  # that it runs already says more than that the address is in use
        raise


def _lock(data: Path) -> DirectoryLock:
    try:
        return DirectoryLock(data / "run")
    except Unavailable as error:
        raise RetoldError(f"another engine is running on this data directory: {error.message}") from None
    except OSError as error:
        raise RetoldError(f"expected a data directory at {data}, got: {error}; choose another with --data") from None


def _bind(host: str, port: int) -> socket.socket:
    """The address, not yet listened at."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RetoldError(f"expected to serve at {host}:{port}, got: {reason}; choose another --port") from None
    return listener


async def _serve(settings: Settings, listener: socket.socket) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def start(role: str) -> Awaitable[ChildProcess]:
        telemetry.registry.add(STARTS, {(role,): 1})
        return ChildProcess.start(role, settings, [listener.fileno()] if role == GATEWAY else [])

    telemetry = start_telemetry(SUPERVISOR, settings)
    identity = describe_machine(settings)
    fixed = [GATEWAY] if settings.kafka.bootstrap_servers else [LOG, GATEWAY]
    membership = await open_membership(settings, identity)
    supervisor = Supervisor(identity.name, fixed, membership, start, partial(write_overview, settings.data))

    def announce() -> None:
        sys.stdout.write(
            f"Retold is ready at http://{settings.host}:{settings.port} "
            f"({settings.partitions} partitions, data in {settings.data})\n"
        )
        sys.stdout.flush()

    try:
        await first_of(supervisor.run(announce), stop.wait())
    finally:
        listener.close()
        await supervisor.stop()
        telemetry.close()
        (settings.data / OVERVIEW_FILE).unlink(missing_ok=True)
    return 0


def describe_machine(settings: Settings) -> Member:
    """What the other machines of the installation know of this one."""
    name = socket.gethostname()
    return Member(
        name=f"{name}:{settings.port}",
        host=name if settings.host in ANY_ADDRESS else settings.host,
        port=settings.port,
        version=build_name(),
        roles=settings.roles,
    )


async def open_membership(settings: Settings, identity: Member) -> Membership:
    """This machine's place in its installation, whose log is there then. Raises RetoldError."""
    if not settings.kafka.bootstrap_servers:
        return SoleMember(identity, settings.partitions)
    from engine.roles.group_membership import GroupMembership
    from engine.shell.kafka.group import KafkaGroup
    from engine.shell.kafka.topics import prepare_topics

    connection = settings.kafka.connection()
    await prepare_topics(connection, settings.kafka.topics(settings.partitions))
    return GroupMembership(
        KafkaGroup(connection, identity.name),
        identity,
        settings.partitions,
        held=[int(path.name) for path in (settings.data / "state").glob("[0-9]*")],
        exports_all=not settings.opensearch.url,
    )
