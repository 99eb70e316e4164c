"""The settings of OpenSearch as secondary storage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, model_validator

from .section import Duration, Secret, Section, WithoutLogin, check_login

if TYPE_CHECKING:
    from exporters.opensearch.client import OpensearchConnection


class OpensearchSettings(Section):
    """OpenSearch as secondary storage; without a URL it is SQLite."""

    url: Annotated[str, WithoutLogin] = Field(
        default="",
        pattern=r"^(https?://[^\s,]+(,https?://[^\s,]+)*)?$",
        description="Base URLs of some nodes, separated by commas; empty: SQLite.",
    )
    username: str = Field(default="", description="Name for basic authentication; empty: none.")
    password: Secret = Field(default=SecretStr(""), description="Its password; secret.")
    ca_file: Path | None = Field(default=None, description="PEM file of the authority of the nodes.")
    index_prefix: str = Field(
        default="retold", pattern=r"^[a-z0-9][a-z0-9._-]{0,100}$", description="How names of indices and aliases begin."
    )
    shards: int = Field(default=1, gt=0, le=1024, description="Primary shards of an index that is created.")
    replicas: int = Field(default=0, ge=0, le=100, description="Copies of each shard; at least 1 in production.")
    refresh_interval: Duration = Field(
        default=timedelta(milliseconds=500),
        gt=timedelta(0),
        le=timedelta(minutes=1),
        description="How often what was written becomes searchable at the latest, while it is being written.",
    )
    bulk_size_max: int = Field(
        default=5 * 1024 * 1024, ge=1024, le=100 * 1024 * 1024, description="Bytes of one bulk request."
    )
    request_timeout: Duration = Field(
        default=timedelta(seconds=30), ge=timedelta(seconds=1), description="Longest wait for an answer."
    )

    def connection(self) -> OpensearchConnection:
        """What clients need to reach it."""
        from exporters.opensearch.client import OpensearchConnection

        return OpensearchConnection(
            urls=tuple(self.url.split(",")),
            username=self.username,
            password=self.password.get_secret_value(),
            ca_file=self.ca_file,
            index_prefix=self.index_prefix,
            shards=self.shards,
            replicas=self.replicas,
            refresh_seconds=self.refresh_interval.total_seconds(),
            bulk_size_max=self.bulk_size_max,
            request_seconds=self.request_timeout.total_seconds(),
        )

    def check_files(self) -> None:
        """Once when the engine starts, not in each of its processes. Raises RetoldError for one that is no good."""
        if self.url:
            from engine.shell.certificates import trusting

            trusting(self.ca_file, "opensearch.caFile")

    @model_validator(mode="after")
    def _login_that_is_whole(self) -> OpensearchSettings:
        check_login(self.username, self.password)
        return self
