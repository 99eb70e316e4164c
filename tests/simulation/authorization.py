"""Authorization: some seeds have it on. Drawn from streams of its own, so that the others stay as they are.

An administrator makes users, groups and authorizations before the faults begin; then they change while batches run.
"""

from __future__ import annotations

import random
from base64 import b64encode
from hashlib import sha256

from msgspec import Struct
from pydantic import SecretStr

from engine.config import Settings
from engine.config.authorization import AuthorizationSettings
from engine.shell.claims import ClaimsSeal
from tests.simulation.workload.administrators import ADMINISTRATOR, USERS, password_of
from tests.simulation.workload.batch_operators import BatchOperator
from tests.simulation.workload.people import Deployer, Starter

#: Seeds that have it.
SHARE = 0.25
SECRET = "the secret of all gateways of a simulation"
HASH_PREFIX = "$argon2-simulated$"


class SimulatedHasher:
    """The Hasher port: as quick as nobody's should be, and the same in every run."""

    def hash(self, password: str) -> str:
        """As `Hasher.hash`."""
        return HASH_PREFIX + sha256(password.encode()).hexdigest()

    def is_right(self, password_hash: str | None, password: str) -> bool:
        """As `Hasher.is_right`."""
        return password_hash == self.hash(password)


class Access(Struct, frozen=True, kw_only=True):
    """Authorization of a seed: its settings, and who each client logs in as."""

    settings: AuthorizationSettings
    logins: tuple[str, ...]

    @property
    def seal(self) -> ClaimsSeal | None:
        """With which commands are signed."""
        return self.settings.seal()

    def login_of(self, client: int, act: object) -> str:
        """There is always something to do: who deploys and starts may do so. Batch operations are those of users."""
        if isinstance(act, Deployer | Starter):
            return ADMINISTRATOR
        if isinstance(act, BatchOperator):
            return USERS[client % len(USERS)]
        return self.logins[client % len(self.logins)]


def draw_access(chosen: random.Random, settings: Settings, *, is_kafka: bool) -> tuple[Settings, Access | None]:
    """The settings of a seed, with authorization or without."""
    if chosen.random() >= SHARE:
        return settings, None
    wanted = AuthorizationSettings(
        enabled=True,
        admin_username=ADMINISTRATOR,
        admin_password=SecretStr(password_of(ADMINISTRATOR)),
        claims_secret=SecretStr(SECRET if is_kafka or chosen.random() < 0.5 else ""),
    )
    share = chosen.choice([0.2, 0.5, 0.8])
    logins = [ADMINISTRATOR if chosen.random() < share else chosen.choice(USERS) for _ in range(30)]
    access = Access(settings=wanted, logins=tuple(logins))
    return settings.model_copy(update={"authorization": wanted}), access


def header_of(username: str) -> dict[str, str]:
    """What a client sends who logs in as a user."""
    login = b64encode(f"{username}:{password_of(username)}".encode()).decode()
    return {"authorization": f"Basic {login}"}
