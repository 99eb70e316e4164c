"""What projections store is told apart by a version: an older file, or older indices, are made anew from the log."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import msgspec
import pytest

from exporters.opensearch import mappings
from exporters.sqlite import database

#: Of which version this is what is stored. A new version has a new digest.
SQLITE = (8, "10e4e6d839d40724")
OPENSEARCH = (4, "a08fb1592eabc6a6")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


@pytest.mark.parametrize(
    ("known", "version", "stored"),
    [
        (SQLITE, database.SCHEMA_VERSION, files("exporters.sqlite").joinpath("schema.sql").read_bytes()),
        (OPENSEARCH, mappings.SCHEMA_VERSION, msgspec.json.encode(mappings.FIELDS, order="sorted")),
    ],
    ids=["sqlite", "opensearch"],
)
def test_another_layout_is_another_version(known: tuple[int, str], version: int, stored: bytes) -> None:
    assert (version, digest(stored)) == known, "what is stored has changed: raise SCHEMA_VERSION, note both here"
