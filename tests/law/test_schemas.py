"""Design law 8 and section 7: schemas are documented, mirrored by Structs, alike in metadata, frozen once released."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import fastavro
import fastavro.schema
import msgspec
import pytest

from engine.core.record import NONE, Record, Step
from engine.records import FAMILIES
from engine.shell.codec import Codec
from engine.shell.codec.codec import METADATA_FIELDS, layout_of
from engine.shell.codec.evolution import check_released, current_texts
from engine.shell.codec.schema import (
    SCALARS,
    Scalar,
    canonical_form,
    default_differences,
    differences,
    fingerprint,
    parse,
)

SCHEMAS = Path(str(files("schemas")))
TEXTS = current_texts(SCHEMAS)
FAMILY_NAMES = [name for name in TEXTS if "/" not in name]


def records_in(declared: Any) -> Iterator[dict[str, Any]]:
    """A record and the records in it, as JSON."""
    if isinstance(declared, dict):
        if declared.get("type") == "record":
            yield declared
        for value in declared.values():
            yield from records_in(value)
    elif isinstance(declared, list):
        for value in declared:
            yield from records_in(value)


def test_every_family_has_one_file_and_every_file_one_family() -> None:
    assert {name.upper() for name in FAMILY_NAMES} == set(FAMILIES)


@pytest.mark.parametrize("name", TEXTS)
def test_schemas_parse_and_say_what_everything_is(name: str) -> None:
    declared = json.loads(TEXTS[name])
    fastavro.parse_schema(declared)
    for record in records_in(declared):
        assert record["doc"].strip(), f"{record['name']}: expected a doc, got none; say what the record is"
        for field in record["fields"]:
            place = f"{record['name']}.{field['name']}"
            assert field.get("doc", "").strip(), f"{place}: expected a doc, got none; say what it is, with its unit"
            assert "default" in field, f"{place}: expected a default, so that a producer need not know the field"


@pytest.mark.parametrize("name", TEXTS)
def test_record_names_follow_from_file_names(name: str) -> None:
    folder, _, stem = name.rpartition("/")
    expected = "".join(word.capitalize() for word in stem.split("_"))
    namespace = f"io.retold.{folder}" if folder else "io.retold"
    assert parse(TEXTS[name]).name == f"{namespace}.{expected}"


@pytest.mark.parametrize("name", TEXTS)
def test_fingerprints_are_those_of_fastavro(name: str) -> None:
    schema = parse(TEXTS[name])
    canonical = fastavro.schema.to_parsing_canonical_form(json.loads(TEXTS[name]))
    assert canonical_form(schema) == canonical
    judged = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    assert fingerprint(schema).to_bytes(8, "little").hex() == judged


def test_fingerprints_differ() -> None:
    assert len({fingerprint(parse(text)) for text in TEXTS.values()}) == len(TEXTS)


def test_metadata_come_first_and_are_the_same_everywhere() -> None:
    first = parse(TEXTS[FAMILY_NAMES[0]]).fields[: len(METADATA_FIELDS)]
    assert tuple(field.attribute for field in first) == METADATA_FIELDS
    for name in FAMILY_NAMES:
        fields = parse(TEXTS[name]).fields
        assert fields[: len(METADATA_FIELDS)] == first, f"{name}: expected the metadata fields of {FAMILY_NAMES[0]}"


def test_no_value_field_has_the_name_of_a_metadata_field() -> None:
    for name in FAMILY_NAMES:
        names = [field.attribute for field in parse(TEXTS[name]).fields]
        assert len(names) == len(set(names)), f"{name}: expected every name once, got {names}"


def test_metadata_are_those_of_record_and_step() -> None:
    layout = layout_of(parse(TEXTS[FAMILY_NAMES[0]]))
    assert differences(layout.step, Step) + default_differences(layout.step, Step) == []
    fields = {field.name: field for field in msgspec.structs.fields(Record)}
    for field in (*layout.numbers, *layout.own):
        assert isinstance(field.type, Scalar)
        assert fields[field.attribute].type is SCALARS[field.type.name], field.name
        if not fields[field.attribute].required:
            assert fields[field.attribute].default == field.default, field.name
    assert fields["position"].default == NONE


@pytest.mark.parametrize("value_type", FAMILIES)
def test_structs_mirror_their_schemas(value_type: str) -> None:
    struct = FAMILIES[value_type]
    value = layout_of(parse(TEXTS[value_type.lower()])).value
    assert differences(value, struct) + default_differences(value, struct) == []


def test_the_codec_gives_the_texts_as_they_are() -> None:
    codec = Codec(FAMILIES)
    assert dict(codec.schema_texts) == {name.upper(): TEXTS[name] for name in FAMILY_NAMES}
    assert dict(codec.fingerprints) == {name.upper(): fingerprint(parse(TEXTS[name])) for name in FAMILY_NAMES}


def test_what_was_released_is_frozen() -> None:
    problems = check_released(SCHEMAS)
    assert problems == [], "\n".join(problems)


def test_the_readme_reads_records_with_fastavro_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snippet of schemas/README.md, run where it says."""
    (snippet,) = re.findall(r"```python\n(.*?)```", (SCHEMAS / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(SCHEMAS.parent)
    names: dict[str, Any] = {}
    exec(snippet, names)
    codec = Codec(FAMILIES)
    for value_type, struct in FAMILIES.items():
        data = codec.encode(
            Record(step=Step(build="1"), intent="CREATED", key=7, value_type=value_type, value=struct())
        )
        decoded = names["decode"](data)
        assert (decoded["intent"], decoded["key"], decoded["build"]) == ("CREATED", 7, "1")
