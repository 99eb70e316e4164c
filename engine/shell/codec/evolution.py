"""How schemas may change: what was released is frozen, what follows stays compatible in both directions.

`schemas/released/VERSION.json` keeps, for every schema of that version, its full text (fingerprints ignore docs and
defaults), the text's SHA-256 and the fingerprint. Compatibility is FULL_TRANSITIVE: a schema is compared with every
released one, so any reader reads any record. The rule that follows from it is narrow and easy to check: new fields come
last and have a default; nothing else changes.

Run `python -m engine.shell.codec.evolution check` or `... release VERSION`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
from msgspec import NODEFAULT, Struct

from .schema import Array, RecordType, SchemaError, Type, fingerprint, parse

RELEASED = "released"
OPERATIONS = "operations"
SUFFIX = ".avsc"
COMMAND = "python -m engine.shell.codec.evolution"


class Released(Struct, frozen=True, kw_only=True):
    """A schema as it was released. `fingerprint` in 16 hexadecimal digits, `sha256` of the text's UTF-8."""

    fingerprint: str
    sha256: str
    text: str


class Release(Struct, frozen=True, kw_only=True):
    """All schemas of one version: name of the file without its suffix -> what was released."""

    version: str
    schemas: dict[str, Released]


def hexadecimal(number: int) -> str:
    """A fingerprint as people see it."""
    return f"{number:016x}"


def current_texts(folder: Traversable) -> dict[str, str]:
    """Name -> text of every schema in the folder: `job`, `operations/cancel_process_instance`."""
    texts = _texts(folder, "")
    operations = folder / OPERATIONS
    if operations.is_dir():
        texts |= _texts(operations, f"{OPERATIONS}/")
    return dict(sorted(texts.items()))


def _texts(folder: Traversable, prefix: str) -> dict[str, str]:
    return {
        prefix + file.name.removesuffix(SUFFIX): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(SUFFIX)
    }


def releases(folder: Traversable) -> Iterator[Release]:
    """The releases kept in a schema folder, by file name."""
    released = folder / RELEASED
    if released.is_dir():
        for file in sorted(released.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".json"):
                yield msgspec.json.decode(file.read_bytes(), type=Release)


def histories(folder: Traversable) -> list[list[str]]:
    """Of every family the texts of its schema: each that was released, the earliest first, then that of today."""
    past = list(releases(folder))
    return [
        [*(one.schemas[name].text for one in past if name in one.schemas), text]
        for name, text in current_texts(folder).items()
        if not name.startswith(OPERATIONS)
    ]


def release(folder: Path, version: str) -> Path:
    """Freeze the current schemas as a version; gives the file. Raises SchemaError if that may not be."""
    problems = check_released(folder)
    file = folder / RELEASED / f"{version}.json"
    if file.exists():
        problems.append(f"expected a new version, got {version}, which {file} has released; choose another")
    if problems:
        raise SchemaError("\n".join(problems))
    schemas = {name: _released(text) for name, text in current_texts(folder).items()}
    file.parent.mkdir(exist_ok=True)
    encoded = msgspec.json.encode(Release(version=version, schemas=schemas))
    file.write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")
    return file


def _released(text: str) -> Released:
    return Released(fingerprint=hexadecimal(fingerprint(parse(text))), sha256=_sha256(text), text=text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def check_released(folder: Traversable) -> list[str]:
    """What breaks the freeze in a schema folder: released texts that changed, schemas that are gone or incompatible."""
    current = current_texts(folder)
    problems = []
    for past in releases(folder):
        for name, released in past.schemas.items():
            place = f"{name} of release {past.version}"
            changed = _check_unchanged(released, place, past.version)
            if changed:
                problems += changed
            elif name not in current:
                problems.append(
                    f"{place}: expected {name}{SUFFIX}, got no such file: logs hold its records; restore it with "
                    f"`{COMMAND} restore {name}` and stop writing it instead"
                )
            else:
                problems += [
                    f"{place}: {problem}; logs hold records of the released schema and readers of either must read "
                    f"both: undo the change (`{COMMAND} restore {name}` gives the released text) and add a field with "
                    f"a default at the end, or a new family"
                    for problem in compatible(parse(released.text), parse(current[name]))
                ]
    return problems


def _check_unchanged(released: Released, place: str, version: str) -> list[str]:
    if released == _released(released.text):
        return []
    return [
        f"{place}: expected the text with SHA-256 {released.sha256[:12]} and fingerprint {released.fingerprint}, got "
        f"another: released/{version}.json was edited, but its records are on logs; restore it with "
        f"`git checkout v{version} -- schemas/released/{version}.json` and release a new version with "
        f"`{COMMAND} release VERSION`"
    ]


def compatible(old: RecordType, new: RecordType) -> list[str]:
    """Why `new` cannot follow `old`: empty if all of old's fields come first, unchanged, and new ones have defaults."""
    if old.name != new.name:
        return [f"{old.name}: expected the same record name, got {new.name}"]
    problems: list[str] = []
    for index, field in enumerate(old.fields):
        place = f"{old.name}.{field.name}"
        if index >= len(new.fields) or new.fields[index].name != field.name:
            got = new.fields[index].name if index < len(new.fields) else "the end"
            return [*problems, f"{place}: expected it as field {index + 1}, as it was released, got {got}"]
        problems += _compatible_types(field.type, new.fields[index].type, place)
        if new.fields[index].default != field.default:
            problems.append(f"{place}: expected the default {field.default!r}, got {new.fields[index].default!r}")
    return problems + [
        f"{new.name}.{field.name}: expected a default for a new field, got none"
        for field in new.fields[len(old.fields) :]
        if field.default is NODEFAULT
    ]


def _compatible_types(old: Type, new: Type, place: str) -> list[str]:
    if isinstance(old, RecordType) and isinstance(new, RecordType):
        return compatible(old, new)
    if isinstance(old, Array) and isinstance(new, Array):
        return _compatible_types(old.items, new.items, place)
    return [] if old == new else [f"{place}: expected the type {_type_name(old)}, got {_type_name(new)}"]


def _type_name(kind: Type) -> str:
    return f"array of {_type_name(kind.items)}" if isinstance(kind, Array) else kind.name


def restore(folder: Path, name: str) -> Path:
    """Write the text of a schema as the last release that has it says; gives the file."""
    texts = [past.schemas[name].text for past in releases(folder) if name in past.schemas]
    if not texts:
        raise SchemaError(f"expected the name of a released schema, got {name!r}; see {folder / RELEASED}")
    file = folder / f"{name}{SUFFIX}"
    file.write_text(texts[-1], encoding="utf-8")
    return file


def main(arguments: Sequence[str]) -> int:
    """`check`, `release VERSION` or `restore NAME` on the project's schemas; gives the exit code."""
    folder = Path(str(files("schemas")))
    try:
        match arguments:
            case ["check"]:
                problems = check_released(folder)
                sys.stdout.write("\n".join(problems) + "\n" if problems else "released schemas are unchanged\n")
                return 1 if problems else 0
            case ["release", version]:
                sys.stdout.write(f"wrote {release(folder, version)}; commit it\n")
                return 0
            case ["restore", name]:
                sys.stdout.write(f"wrote {restore(folder, name)}\n")
                return 0
    except SchemaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"expected check, release VERSION or restore NAME, got {' '.join(arguments) or 'nothing'}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
