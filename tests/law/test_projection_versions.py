"""What projections store is told apart by a version: an older file, or older indices, are made anew from the log."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import msgspec
import pytest

from exporters.opensearch import mappings
from exporters.sqlite import database

#: Version -> digest of what is stored in it. What is stored differently is another version: a line more, none changed.
SQLITE = {8: "722bbabe9ad83968", 9: "50373695ab8e765e"}
OPENSEARCH = {4: "a08fb1592eabc6a6", 5: "af0666705ee62dc6"}
TABLES = files("exporters.sqlite").joinpath("schema.sql").read_text()
COMMENT = re.compile(r"--.*")


def digest(text: str) -> str:
    return hashlib.sha256("".join(text.split()).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("known", "version", "stored"),
    [
        (SQLITE, database.SCHEMA_VERSION, COMMENT.sub("", TABLES)),
        (OPENSEARCH, mappings.SCHEMA_VERSION, msgspec.json.encode(mappings.FIELDS, order="sorted").decode()),
    ],
    ids=["sqlite", "opensearch"],
)
def test_another_layout_is_another_version(known: dict[int, str], version: int, stored: str) -> None:
    assert known.get(version) == digest(stored), "what is stored has changed: raise SCHEMA_VERSION, add a line here"
    assert (max(known), len(set(known.values()))) == (version, len(known))
