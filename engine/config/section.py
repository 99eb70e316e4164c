"""What every group of settings is made of."""

from __future__ import annotations

import ipaddress
import re
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


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _as_duration(value: object) -> object:
    """ISO 8601, or a number and a unit: `30s`, `5m`, `2h`, `1d`."""
    if isinstance(value, (int, float)):
        raise ValueError("expected an ISO 8601 duration such as PT1S")
    short = re.fullmatch(r"([0-9]{1,9})([smhd])", value) if isinstance(value, str) else None
    return timedelta(**{_UNITS[short[2]]: int(short[1])}) if short else value


Duration = Annotated[timedelta, BeforeValidator(_as_duration), Field(json_schema_extra={"format": "duration"})]


def _as_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


#: A list of words, in the environment with commas between them: `a,b`.
Words = BeforeValidator(_as_list)


def _as_mapping(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    for name, equals, _ in pairs:
        if not name.strip() or not equals:
            raise ValueError(f"expected NAME=VALUE with commas between them, got '{value}'; correct it")
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"expected each name once, got '{value}'; leave one out")
    return {name.strip(): text.strip() for name, _, text in pairs}


#: A mapping, in the environment with commas between its entries: `A=1d,B=2h`.
Pairs = BeforeValidator(_as_mapping)


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
