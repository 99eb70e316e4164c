"""What every group of settings is made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


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
