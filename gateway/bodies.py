"""Request bodies: from bytes to Structs, with all problems of a body told at once.

A body that is right is decoded in one pass; only one that is wrong is looked at property by property.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from litestar import Request
from msgspec import Raw, Struct

from .fields import DEPTH_MAX, convert, is_too_deep
from .problems import Problem, bad_request

HttpRequest = Request[Any, Any, Any]

JSON_MEDIA_TYPE = "application/json"
#: Problems of the items of one list that are told.
ITEM_PROBLEMS_MAX = 20
_EMPTY_BODIES = (b"", b"null")
#: How messages call what JSON calls otherwise.
_JSON_WORDS = {"'str": "'string", "'int": "'integer", "'float": "'number", "'bool": "'boolean"}


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A request body, or an object in one. Properties not named here are refused."""

    #: Fields of which one and only one must be given.
    exactly_one_of: ClassVar[tuple[str, ...]] = ()
    #: Fields of which at least one must be given.
    at_least_one_of: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.exactly_one_of and sum(getattr(self, name) is not None for name in self.exactly_one_of) != 1:
            raise ValueError("expected exactly one of some properties")  # `_choices` has the whole text
        if self.at_least_one_of and all(getattr(self, name) is None for name in self.at_least_one_of):
            raise ValueError("expected at least one of some properties")


Wanted = TypeVar("Wanted", bound=Body)


class Bodies:
    """Reads bodies; `document_size_max` bounds each object of variables in bytes of compact JSON."""

    def __init__(self, document_size_max: int) -> None:
        self._document_size_max = document_size_max
        self._decoders: dict[type[Body], msgspec.json.Decoder[Any]] = {}

    async def read(self, request: HttpRequest, wanted: type[Wanted]) -> Wanted:
        """The body of a request; an empty one counts as `{}`. Raises Problem 400 or 415."""
        return self.decode(await read_json(request), wanted)

    def decode(self, raw: bytes, wanted: type[Wanted]) -> Wanted:
        """A body from its JSON text. Raises Problem 400 that lists everything that is wrong."""
        decoder = self._decoders.get(wanted)
        if decoder is None:
            decoder = self._decoders[wanted] = msgspec.json.Decoder(wanted, dec_hook=self._convert)
        try:
            body: Wanted = decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise bad_request(self._problems(raw, wanted) or [_text(error)]) from None
        return body

    def _convert(self, wanted: type, value: object) -> object:
        return convert(wanted, value, self._document_size_max)

    def _problems(self, raw: bytes | Raw, wanted: type[Body], path: str = "") -> list[str]:
        try:
            given = msgspec.json.decode(raw, type=dict[str, Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return [_text(error, path.removesuffix("."))]
        known = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
        problems = [f"{path}{name}: expected a known property, got an unknown one; leave it out or use one of "
                    f"{', '.join(known)}" for name in given if name not in known]  # fmt: skip
        problems += [f"{path}{name}: expected a value, got none; add it"
                     for name, field in known.items() if field.required and name not in given]  # fmt: skip
        for name, value in given.items():
            if name in known:
                problems += self._value_problems(value, known[name].type, f"{path}{name}")
        names = {name for name, value in given.items() if bytes(value) != b"null"}
        problems += _choices(wanted, {field.name: field.encode_name for field in known.values()}, names, path)
        return problems

    def _value_problems(self, value: Raw, wanted: Any, path: str) -> list[str]:
        try:
            msgspec.json.decode(value, type=wanted, dec_hook=self._convert)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            bare = _bare(wanted)
            if isinstance(bare, type) and issubclass(bare, Body):
                return self._problems(value, bare, f"{path}.")
            if get_origin(bare) is Literal:
                shown = bytes(value)[:40].decode("utf-8", "replace")
                return [f"{path}: expected {' or '.join(get_args(bare))}, got {shown}; correct it"]
            return self._item_problems(value, bare, path) or [_text(error, path, value, _example(wanted))]
        return []

    def _item_problems(self, value: Raw, wanted: Any, path: str) -> list[str]:
        """Of the items of a list, if it is one: the first ones."""
        if get_origin(wanted) is not list:
            return []
        try:
            items = msgspec.json.decode(value, type=list[Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return []
        (item_type,) = get_args(wanted)
        problems: list[str] = []
        for index, item in enumerate(items):
            if len(problems) < ITEM_PROBLEMS_MAX:
                problems += self._value_problems(item, item_type, f"{path}[{index}]")
        return problems


async def read_json(request: HttpRequest) -> bytes:
    """The bytes of a JSON body; `{}` for an empty one. Raises Problem 415."""
    raw = await request.body()
    if raw in _EMPTY_BODIES:
        return b"{}"
    media_type = header(request, b"content-type").partition(";")[0].strip().lower()
    if media_type and media_type != JSON_MEDIA_TYPE and not media_type.endswith("+json"):
        raise Problem(415, f"expected Content-Type {JSON_MEDIA_TYPE}, got {media_type[:100]}; send JSON")
    return raw


async def read_object(request: HttpRequest) -> dict[str, Any]:
    """The body as a JSON object of any content. Raises Problem 400 or 415."""
    raw = await read_json(request)
    try:
        content: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request([_text(error, raw=raw)]) from None
    if is_too_deep(content):
        raise bad_request([f"body: expected at most {DEPTH_MAX} levels of nesting, got more; flatten it"])
    return content


async def gone(request: HttpRequest) -> None:
    """Until the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def header(request: HttpRequest, name: bytes) -> str:
    """The first header of that (lower-case) name, or empty."""
    for header_name, value in request.scope["headers"]:
        if header_name == name:
            return value.decode("latin-1")
    return ""


def _bare(wanted: Any) -> Any:
    """A type without null and without what annotates it."""
    origin = get_origin(wanted)
    if origin is Annotated:
        return _bare(get_args(wanted)[0])
    if origin in (Union, UnionType):
        kinds = [kind for kind in get_args(wanted) if kind is not NoneType]
        return _bare(kinds[0]) if len(kinds) == 1 else wanted
    return wanted


def _choices(wanted: type[Body], names: Mapping[str, str], given: Collection[str], path: str) -> Iterator[str]:
    place = path.removesuffix(".") or "body"
    exactly = [names[field] for field in wanted.exactly_one_of]
    if exactly and (count := sum(name in given for name in exactly)) != 1:
        yield f"{place}: expected exactly one of {', '.join(exactly)}, got {count}; give one"
    at_least = [names[field] for field in wanted.at_least_one_of]
    if at_least and not any(name in given for name in at_least):
        yield f"{place}: expected at least one of {', '.join(at_least)}, got none; give one"


def _example(wanted: Any) -> str:
    """What a text of this type looks like, as its annotation says; empty if it does not."""
    if get_origin(wanted) in (Union, UnionType):
        return next((found for kind in get_args(wanted) if (found := _example(kind))), "")
    metas = [each for each in getattr(wanted, "__metadata__", ()) if isinstance(each, msgspec.Meta)]
    return next((str(each.examples[0]) for each in metas if each.examples), "")


def _text(error: Exception, path: str = "", raw: bytes | Raw = b"", example: str = "") -> str:
    """The problem that an error is. `path`: the place of `raw`, which was decoded."""
    if isinstance(error, RecursionError):
        return f"{path or 'body'}: expected at most {DEPTH_MAX} levels of nesting, got more; flatten it"
    if not isinstance(error, msgspec.ValidationError):
        return f"{path or 'body'}: expected well-formed JSON in UTF-8, got: {error}; correct it"
    text, _, place = str(error).partition(" - at `$")
    text = text.replace("`", "'")
    for word, ours in _JSON_WORDS.items():
        text = text.replace(word, ours)
    text = (text[:1].lower() + text[1:]).replace(" | null'", "'")
    text, is_pattern, _ = text.partition(" matching regex ")
    if is_pattern and example:
        text += f" such as '{example}'"
    place = place.rstrip("`")
    if raw and not place and ", got " not in text and ";" not in text:
        text += f", got {_shown(raw, path, text)}"
    if "[...]" in place:  # in an object of any properties the decoder does not say in which
        place = _place_in(raw) or place.partition("[...]")[0]
    where = f"{path}{place}" if path else place.removeprefix(".")
    return f"{where or 'body'}: {text}{'' if ';' in text else '; correct it'}"


def _shown(raw: bytes | Raw, path: str, expected: str) -> str:
    """A value that is of the right type: how long it is where that is wrong, and never a password."""
    if " of length " in expected:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return f"one of length {len(msgspec.json.decode(raw))}"
    is_secret = path.lower().endswith("password") or " of length " in expected
    return "another" if is_secret else bytes(raw)[:40].decode("utf-8", "replace")


def _place_in(raw: bytes | Raw, depth: int = DEPTH_MAX) -> str:
    """The steps from a JSON value to the first one in it that cannot be decoded."""
    children: list[tuple[str, Raw]] = []
    try:
        children = [(f".{name}", child) for name, child in msgspec.json.decode(raw, type=dict[str, Raw]).items()]
    except msgspec.MsgspecError:
        with suppress(msgspec.MsgspecError):
            children = [(f"[{index}]", child) for index, child in enumerate(msgspec.json.decode(raw, type=list[Raw]))]
    for step, child in children if depth else ():
        try:
            msgspec.json.decode(child)
        except msgspec.MsgspecError:
            return step + _place_in(child, depth - 1)
        except RecursionError:
            return step
    return ""
