"""XML bytes as a small tree of nodes with line numbers.

Owns what is dangerous about XML. A document type is refused at its first character, so no entity is ever declared, no
external reference ever resolved and nothing is ever expanded; size, depth and count are bounded while reading, so that
a bomb costs no more than the bytes read so far. Comments and processing instructions are dropped.
It knows nothing of BPMN. No I/O. Source: XML 1.0, Namespaces in XML 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

#: Bytes of a file: what fits into a record on the log.
FILE_SIZE_MAX = 4 * 1024 * 1024
#: Levels of elements; the engine's own limit on nested sub-processes is lower.
DEPTH_MAX = 128
#: Elements of a file, diagram included.
NODES_MAX = 100_000
#: Attributes of one element.
ATTRIBUTES_MAX = 256
#: Characters of one attribute, or of the text of one element.
TEXT_LENGTH_MAX = 1024 * 1024

#: Between namespace and local name in what expat reports; neither can contain a space.
_SEPARATOR = " "


class Unreadable(ValueError):
    """The bytes are no acceptable XML. `line` counts from 1, `column` from 1; both are 0 if there is no place."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Node:
    """An element. `attributes` has plain names for those without a namespace and "namespace name" for the others."""

    __slots__ = ("attributes", "children", "line", "name", "namespace", "text")

    def __init__(self, namespace: str, name: str, attributes: dict[str, str], line: int) -> None:
        self.namespace = namespace
        self.name = name
        self.attributes = attributes
        self.line = line
        self.children: list[Node] = []
        #: the text directly inside, that of children left out
        self.text = ""

    def get(self, attribute: str) -> str:
        """The value of an attribute without a namespace; empty when it is absent."""
        return self.attributes.get(attribute, "")

    def children_in(self, namespace: str) -> Iterator[Node]:
        """The direct children of a namespace, in document order."""
        return (child for child in self.children if child.namespace == namespace)

    def child(self, namespace: str, name: str) -> Node | None:
        """The first direct child of that name."""
        return next((child for child in self.children_in(namespace) if child.name == name), None)


def read_tree(resource: bytes) -> Node:
    """The root element of a document. Raises Unreadable with the place of the first thing that is wrong."""
    if len(resource) > FILE_SIZE_MAX:
        raise Unreadable(f"expected at most {FILE_SIZE_MAX} bytes, got {len(resource)}; split the model")
    builder = _Builder()
    try:
        builder.parser.Parse(resource, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code) or str(error)
        message = f"expected well-formed XML, got a syntax error: {reason}; correct it"
        raise Unreadable(message, error.lineno, error.offset + 1) from None
    except (ValueError, LookupError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"expected text in a known encoding, got: {error}; save the model as UTF-8", 1, 1) from None
    assert builder.root is not None, "a document without a root is a syntax error"
    return builder.root


class _Builder:
    """What expat reports, made into nodes, within the limits."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[Node] = []
        #: the pieces of text of each open element: joined once, or mixed content would cost its square
        self._pieces: list[list[str]] = []
        self._lengths: list[int] = []
        self._count = 0

    def _unreadable(self, message: str) -> Unreadable:
        return Unreadable(message, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)

    def _refuse_doctype(self, *_declaration: object) -> None:
        raise self._unreadable("expected no document type, got <!DOCTYPE>; remove it")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > NODES_MAX:
            raise self._unreadable(f"expected at most {NODES_MAX} elements, got more; split the model")
        if len(self._open) >= DEPTH_MAX:
            raise self._unreadable(f"expected at most {DEPTH_MAX} levels of elements, got more; flatten the model")
        if len(attributes) > ATTRIBUTES_MAX:
            raise self._unreadable(f"expected at most {ATTRIBUTES_MAX} attributes, got {len(attributes)}; remove some")
        for name, value in attributes.items():
            if len(value) > TEXT_LENGTH_MAX:
                raise self._too_long(f"attribute '{name.rpartition(_SEPARATOR)[2]}'", len(value))
        namespace, _, name = qualified.rpartition(_SEPARATOR)
        node = Node(namespace, name, attributes, self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._pieces.append([])
        self._lengths.append(0)

    def _end(self, _qualified: str) -> None:
        self._open.pop().text = "".join(self._pieces.pop())
        self._lengths.pop()

    def _text(self, text: str) -> None:
        self._lengths[-1] += len(text)
        if self._lengths[-1] > TEXT_LENGTH_MAX:
            raise self._too_long("text", self._lengths[-1])
        self._pieces[-1].append(text)

    def _too_long(self, what: str, length: int) -> Unreadable:
        return self._unreadable(f"expected {what} of at most {TEXT_LENGTH_MAX} characters, got {length}; shorten it")
