"""Those who say who may do what, and change their minds while others work."""

from __future__ import annotations

from random import Random
from typing import Any

from engine.identity.permissions import BEYOND, PERMISSIONS

from .actor import Actor
from .client import Client
from .people import PROCESS_IDS

ADMINISTRATOR = "root"
USERS = ("ann", "bob", "eve")
GROUPS = ("people", "robots")
#: Another program, which has no login.
CLIENT = "robot"
#: Whose commands a program might put on the log.
CLAIMS = ("", "user:root", "user:ann", "user:eve", "client:robot", "nonsense", "user:")
#: Resource types that much depends on.
IMPORTANT = ("PROCESS_DEFINITION", "PROCESS_DEFINITION", "BATCH", "MESSAGE", "DECISION_DEFINITION")


def password_of(username: str) -> str:
    return f"the password of {username}"


class Administrator(Actor):
    """Changes users, groups and authorizations. Who logs in as somebody else tries the same."""

    async def act(self, client: Client) -> None:
        chance = self.random.random()
        if chance < 0.4:
            await self.authorize(client, random_authorization(self.random))
        elif chance < 0.6:
            await self.change(client, self.knowledge.pick(self.random, "authorizations"))
        elif chance < 0.8:
            method = self.random.choice(["PUT", "DELETE"])
            kind, names = self.random.choice([("users", USERS), ("clients", (CLIENT,))])
            member = self.random.choice([*names, "nobody"])
            await self.ask(client, method, f"/groups/{self.random.choice([*GROUPS, 'none'])}/{kind}/{member}")
        elif chance < 0.9:
            await self.regroup(client)
        else:
            await self.reuse(client, self.random.choice(USERS[1:]))

    async def authorize(self, client: Client, wish: dict[str, Any]) -> None:
        answer = await self.ask(client, "POST", "/authorizations", wish)
        if answer.status == 201:
            self.knowledge.acknowledge("authorizations", answer.body["authorizationKey"])

    async def change(self, client: Client, key: str) -> None:
        """One that there is."""
        if self.random.random() < 0.5:
            await self.ask(client, "DELETE", f"/authorizations/{key}")
        else:
            await self.ask(client, "PUT", f"/authorizations/{key}", random_authorization(self.random))

    async def regroup(self, client: Client) -> None:
        group = self.random.choice([*GROUPS, "others"])
        if self.random.random() < 0.3:
            await self.ask(client, "DELETE", f"/groups/{group}")
        else:
            await self.ask(client, "POST", "/groups", {"groupId": group, "name": group})

    async def reuse(self, client: Client, name: str) -> None:
        """A user goes, and another one may get his name."""
        if self.random.random() < 0.4:
            await self.ask(client, "DELETE", f"/users/{name}")
        else:
            await self.ask(client, "POST", "/users", {"username": name, "password": password_of(name)})

    async def prepare(self, client: Client) -> None:
        """Everybody is there; most may do something."""
        for name in USERS:
            await self.ask(client, "POST", "/users", {"username": name, "password": password_of(name)})
        for group in GROUPS:
            await self.ask(client, "POST", "/groups", {"groupId": group, "name": group})
        for name in USERS[:2]:
            await self.ask(client, "PUT", f"/groups/{self.random.choice(GROUPS)}/users/{name}")
        for owner_type, names in (("USER", USERS), ("GROUP", GROUPS), ("CLIENT", (CLIENT,))):
            for name in names:
                for resource_type in PERMISSIONS:
                    is_likely = owner_type == "USER" and resource_type in IMPORTANT
                    if self.random.random() < (0.9 if is_likely else 0.3):
                        await self.authorize(client, authorization_of(self.random, owner_type, name, resource_type))


def random_authorization(random: Random) -> dict[str, Any]:
    """Of anybody, to anything; sometimes of nobody."""
    owner_type, names = random.choice([("USER", USERS), ("GROUP", GROUPS), ("CLIENT", (CLIENT,)), ("ROLE", ("none",))])
    resource_type = random.choice(IMPORTANT) if random.random() < 0.8 else random.choice(sorted(PERMISSIONS))
    return authorization_of(random, owner_type, random.choice(names), resource_type)


def authorization_of(random: Random, owner_type: str, owner: str, resource_type: str) -> dict[str, Any]:
    """For one process, or for all; all that one may do, or some of it."""
    known = [name for name in PERMISSIONS[resource_type] if name not in BEYOND]
    chosen = known if random.random() < 0.6 else random.sample(known, random.randint(1, len(known)))
    if resource_type == "PROCESS_DEFINITION" and random.random() < 0.8:  # so that he finds more than he may change
        chosen = sorted({*chosen, "READ_PROCESS_INSTANCE"})
    ids = PROCESS_IDS if resource_type == "PROCESS_DEFINITION" else ("rate", "base")
    is_for_all = resource_type not in ("PROCESS_DEFINITION", "DECISION_DEFINITION") or random.random() < 0.6
    return {
        "ownerType": owner_type,
        "ownerId": owner,
        "resourceType": resource_type,
        "resourceId": "*" if is_for_all else random.choice(ids),
        "permissionTypes": chosen,
    }
