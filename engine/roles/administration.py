"""The first administrator: without him nobody could authorize anybody."""

from __future__ import annotations

from collections.abc import Sequence

from engine.assembly import Assembly
from engine.config import Settings
from engine.core.machine import Machine
from engine.core.record import Record
from engine.shell.passwords import Hasher


def administration(settings: Settings, assembly: Assembly, machine: Machine, hasher: Hasher) -> Sequence[Record]:
    """The commands that make the administrator of the settings, as far as he is not there. Raises BadRequest.

    Whoever deleted him while he is in the settings finds him again after the next start; his password is not changed.
    """
    authorization = settings.authorization
    if not authorization.enabled or not authorization.admin_username:
        return ()

    def password_hash() -> str:
        password = authorization.read_admin_password()
        return hasher.hash(password) if password else ""

    return assembly.administration(authorization.admin_username, password_hash, machine)
