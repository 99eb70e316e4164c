"""What every group of settings is made of."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    PlainSerializer,
    SecretStr,
)

#: The context of a serialization that contains secrets; without it they are stars.
REVEALING = {"secrets": True}


def camel(name: str) -> str:
    """As a setting is called in YAML."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


class Section(BaseModel):
    """A group of settings; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", alias_generator=camel, populate_by_name=True, frozen=True)


def _as_duration(value: object) -> object:
    if isinstance(value, (int, float)):
        raise ValueError("expected an ISO 8601 duration such as PT1S")
    return value


Duration = Annotated[timedelta, BeforeValidator(_as_duration), Field(json_schema_extra={"format": "duration"})]


def _as_list(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


#: A list of words, in the environment with commas between them.
Words = BeforeValidator(_as_list)


def _reveal(secret: SecretStr, info: FieldSerializationInfo) -> str:
    return secret.get_secret_value() if info.context == REVEALING else str(secret)


#: A setting that nobody but the engine's own processes may see.
Secret = Annotated[SecretStr, PlainSerializer(_reveal, when_used="json")]


def _without_login(urls: str) -> str:
    if "@" in urls:
        raise ValueError("expected no name and no password in a URL, got some; there are settings for both")
    return urls


#: URLs are shown to everyone.
WithoutLogin = AfterValidator(_without_login)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_login(username: str, password: SecretStr) -> None:
    """A name and a password belong together. Raises ValueError."""
    if bool(username) != bool(password.get_secret_value()):
        present, missing = ("username", "password") if username else ("password", "username")
        raise ValueError(f"expected username and password together, got a {present} alone; set {missing} too")
