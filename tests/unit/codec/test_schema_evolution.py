"""The freeze, tried on a release made here: every way to break it is found, with the reason and the command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from codec_values import CODEC, example

from engine.records import FAMILIES
from engine.shell.codec import Codec, SchemaError, Undecodable
from engine.shell.codec.evolution import check_released, current_texts, main, release, restore

JOB = "job.avsc"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The project's schemas, released as version 0.1.0."""
    schemas = Path(str(files("schemas")))
    folder = tmp_path / "schemas"
    shutil.copytree(schemas, folder, ignore=shutil.ignore_patterns("released", "__pycache__"))
    release(folder, "0.1.0")
    return folder


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    change(schema)
    file.write_text(json.dumps(schema), encoding="utf-8")


def add(name: str = "added", **attributes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda schema: schema["fields"].append({"name": name, "type": "string", "doc": "New."} | attributes)


def field_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


def test_a_release_agrees_with_itself(folder: Path) -> None:
    assert check_released(folder) == []
    released = json.loads((folder / "released" / "0.1.0.json").read_text(encoding="utf-8"))
    assert set(released["schemas"]) == set(current_texts(folder))
    assert "operations/cancel_process_instance" in released["schemas"]


def test_a_field_with_a_default_at_the_end_is_compatible_and_releases_add_up(folder: Path) -> None:
    edit(folder / JOB, add(default=""))
    assert check_released(folder) == []
    release(folder, "0.2.0")
    edit(folder / JOB, lambda schema: schema["fields"].pop())
    (problem,) = check_released(folder)
    assert problem.startswith("job of release 0.2.0: io.retold.Job.added: expected it as field")


def test_docs_may_improve(folder: Path) -> None:
    edit(folder / JOB, lambda schema: schema.update(doc="Better."))
    assert check_released(folder) == []


def test_fields_with_defaults_may_be_added_to_nested_records(folder: Path) -> None:
    edit(folder / "deployment.avsc", lambda schema: add(default="")(field_of(schema, "resources")["type"]["items"]))
    assert check_released(folder) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (add(), "Job.added: expected a default for a new field, got none"),
        (lambda schema: schema["fields"].pop(), "as it was released, got the end"),
        (lambda schema: schema["fields"].insert(30, {"name": "a", "type": "long", "default": 0}), "released, got a"),
        (lambda schema: schema["fields"].reverse(), "Job.position: expected it as field 1"),
        (lambda schema: field_of(schema, "worker").update(name="agent"), "worker: expected it as field"),
        (lambda schema: field_of(schema, "retries").update(type="long"), "retries: expected the type int, got long"),
        (lambda schema: field_of(schema, "retries").update(default=3), "retries: expected the default 0, got 3"),
        (
            lambda schema: field_of(schema, "changedAttributes")["type"].update(items="bytes"),
            "changedAttributes: expected the type string, got bytes",
        ),
        (lambda schema: schema.update(name="Task"), "expected the same record name, got io.retold.Task"),
    ],
)
def test_an_incompatible_change_is_found(folder: Path, change: Callable[[dict[str, Any]], object], reason: str) -> None:
    edit(folder / JOB, change)
    problems = check_released(folder)
    assert any(reason in problem for problem in problems), problems
    assert all("logs hold records" in problem and "restore job" in problem for problem in problems)
    with pytest.raises(SchemaError):
        release(folder, "0.2.0")


def test_a_nested_field_that_changes_is_found(folder: Path) -> None:
    edit(folder / "deployment.avsc", lambda schema: field_of(schema, "resources")["type"]["items"]["fields"].pop())
    (problem,) = check_released(folder)
    assert "io.retold.Resource.resource: expected it as field 2" in problem


def test_a_removed_schema_is_found_and_restored(folder: Path) -> None:
    text = (folder / JOB).read_text(encoding="utf-8")
    (folder / JOB).unlink()
    (problem,) = check_released(folder)
    assert problem.startswith("job of release 0.1.0: expected job.avsc, got no such file")
    assert "python -m engine.shell.codec.evolution restore job" in problem
    assert restore(folder, "job").read_text(encoding="utf-8") == text
    assert check_released(folder) == []


@pytest.mark.parametrize("attribute", ["text", "sha256", "fingerprint"])
def test_a_changed_release_is_found(folder: Path, attribute: str) -> None:
    file = folder / "released" / "0.1.0.json"
    content = msgspec.json.decode(file.read_bytes())
    job = content["schemas"]["job"]
    job[attribute] = job["text"] + "\n" if attribute == "text" else "0" * len(job[attribute])
    file.write_bytes(msgspec.json.encode(content))
    (problem,) = check_released(folder)
    assert problem.startswith("job of release 0.1.0: expected the text with SHA-256")
    assert "git checkout v0.1.0 -- schemas/released/0.1.0.json" in problem


def test_a_version_is_released_once(folder: Path) -> None:
    with pytest.raises(SchemaError, match=r"expected a new version, got 0\.1\.0"):
        release(folder, "0.1.0")


def test_what_was_never_released_cannot_be_restored(folder: Path) -> None:
    with pytest.raises(SchemaError, match="got 'no_such'"):
        restore(folder, "no_such")


def test_the_codec_reads_records_of_released_schemas(folder: Path) -> None:
    """A later build whose jobs have one field more reads what was written before; without the release it does not."""
    edit(folder / "job.avsc", add("tenantName", default=""))
    older = json.loads((folder / "released" / "0.1.0.json").read_text(encoding="utf-8"))["schemas"]["job"]
    written = CODEC.encode(example("JOB"))
    assert f"{CODEC.fingerprints['JOB']:016x}" == older["fingerprint"]

    newer = FAMILIES | {"JOB": msgspec.defstruct("Job", _fields_of("JOB"), frozen=True, kw_only=True)}
    codec = Codec(newer, folder)
    record = codec.decode(written)
    assert isinstance(record.value, newer["JOB"])
    assert record.value.tenant_name == ""  # type: ignore[attr-defined]
    assert codec.fingerprints["JOB"] != CODEC.fingerprints["JOB"]

    shutil.rmtree(folder / "released")
    with pytest.raises(Undecodable, match=older["fingerprint"]):
        Codec(newer, folder).decode(written)


def _fields_of(value_type: str) -> list[Any]:
    """The fields of a family's Struct and one that a later version adds."""
    fields = msgspec.structs.fields(FAMILIES[value_type])
    return [*((field.name, field.type, field.default) for field in fields), ("tenant_name", str, "")]


def test_a_gap_between_families_and_files_is_named(folder: Path) -> None:
    (folder / JOB).unlink()
    with pytest.raises(SchemaError, match=r"families without a file: \['JOB'\]"):
        Codec(FAMILIES, folder)
    families = {name: struct for name, struct in FAMILIES.items() if name not in ("JOB", "CLOCK")}
    with pytest.raises(SchemaError, match=r"files without a family: \['CLOCK'\]"):
        Codec(families, folder)


def test_metadata_that_differ_are_named(folder: Path) -> None:
    edit(folder / JOB, lambda schema: field_of(schema, "build").update(doc="Other."))
    with pytest.raises(SchemaError, match="expected the same metadata fields"):
        Codec(FAMILIES, folder)
    edit(folder / JOB, lambda schema: schema["fields"].pop(3))
    with pytest.raises(SchemaError, match="expected the metadata fields"):
        Codec(FAMILIES, folder)


def test_the_command_checks_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "released schemas are unchanged\n"
    assert main(["restore", "no_such"]) == 1
    assert main([]) == 2
    assert "expected check, release VERSION or restore NAME, got nothing" in capsys.readouterr().err
