"""`new-operation`: two files that are a type at once."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import msgspec
import pytest
from cli_engine import Retold

from engine.assembly import Assembly
from engine.batch.operation import Item, Operation
from engine.cli.new_operation import files_of
from engine.core.faults import Reject
from engine.process.work import FOLLOW_UP, Work
from engine.shell.codec import ValueCodec
from tests.support.scenario import Scenario


def tree(path: Path) -> Path:
    for place in ("engine/operations", "schemas/operations"):
        (path / place).mkdir(parents=True)
    return path


def load(path: Path) -> Operation:
    spec = importlib.util.spec_from_file_location("raise_priority", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.OPERATION
    assert isinstance(found, Operation)
    return found


def test_the_files_are_an_operation(tmp_path: Path, retold: Retold) -> None:
    ran = retold("new-operation", "RAISE_PRIORITY", "--directory", str(tree(tmp_path)))
    assert ran.exit_code == 0
    assert "engine/operations/raise_priority.py" in ran.output
    operation = load(tmp_path / "engine/operations/raise_priority.py")
    assert (operation.name, operation.path) == ("RAISE_PRIORITY", "/process-instances/raise-priority")
    assert operation.help == "Raise priority."
    assert operation.check(operation.parameters()) == []
    assert operation.check(msgspec.structs.replace(operation.parameters(), note="n" * 101)) != []
    schema = (tmp_path / "schemas/operations/raise_priority.avsc").read_text()
    codec = ValueCodec(schema, operation.parameters)
    assert codec.decode(codec.encode(operation.parameters())) == operation.parameters()
    item = Item(key=7, process_instance_key=7, root_process_instance_key=7, at_end=Work(FOLLOW_UP, 7))
    with pytest.raises(Reject, match="expected effects on 7"):
        next(operation.decide(operation.parameters(), item, Scenario(1).machine()))


def test_what_is_there_is_kept(tmp_path: Path, retold: Retold) -> None:
    path = tree(tmp_path)
    assert retold("new-operation", "RAISE_PRIORITY", "--directory", str(path)).exit_code == 0
    again = retold("new-operation", "RAISE_PRIORITY", "--directory", str(path))
    assert (again.exit_code, "choose another one" in again.errors) == (2, True)


@pytest.mark.parametrize("name", ["raise-priority", "Raise", "", "A__B", "../A"])
def test_a_name_must_be_a_type(tmp_path: Path, retold: Retold, name: str) -> None:
    ran = retold("new-operation", name, "--directory", str(tree(tmp_path)))
    assert (ran.exit_code, "expected a name like RAISE_PRIORITY" in ran.errors) == (2, True)


def test_it_needs_the_source_tree(tmp_path: Path, retold: Retold) -> None:
    ran = retold("new-operation", "A", "--directory", str(tmp_path))
    assert (ran.exit_code, "expected the source tree of Retold" in ran.errors) == (2, True)


def test_every_operation_is_found_by_its_file() -> None:
    names = {str(path) for name in Assembly().operations for path in files_of(name)}
    root = Path(__file__).parents[3]
    found = {str(path.relative_to(root)) for path in root.glob("engine/operations/[!_]*.py")}
    found |= {str(path.relative_to(root)) for path in root.glob("schemas/operations/*.avsc")}
    assert found == names
