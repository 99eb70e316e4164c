"""XML that is broken or hostile is refused with its place, at a cost bounded by what was read."""

from __future__ import annotations

import pytest

from engine.bpmn import xml_tree
from engine.bpmn.model import ModelRefused, Problem
from engine.bpmn.parse import parse
from engine.bpmn.xml_tree import Unreadable, read_tree


def refuse(resource: bytes) -> Problem:
    with pytest.raises(ModelRefused) as refusal:
        parse(resource, "x.bpmn")
    (problem,) = refusal.value.problems
    assert problem.message.startswith("expected ")
    return problem


@pytest.mark.parametrize(
    ("resource", "line", "column"),
    [
        (b"", 1, 1),
        (b"not xml", 1, 1),
        (b"<a>\n  <b>\n</a>", 3, 3),
        (b"<a>\n<b/>", 2, 5),
        (b"<a></a><b></b>", 1, 8),
        (b"<a b='1' b='2' />", 1, 10),
        (b"<x:a />", 1, 1),
        (b"<a>&unknown;</a>", 1, 4),
        (b"<a>\x00</a>", 1, 4),
        (b"\xff\xfe\xfd", 1, 2),
        (b"<a>\xff</a>", 1, 4),
        (b'<?xml version="1.0" encoding="no-such-encoding"?><a />', 1, 1),
        (b'<?xml version="1.0" encoding="shift_jis"?><a />', 1, 1),
    ],
)
def test_syntax_error_names_line_and_column(resource: bytes, line: int, column: int) -> None:
    problem = refuse(resource)
    assert problem.line == line
    assert f"(line {line}, column {column})" in problem.message


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha" * 10}">' for n in range(12))
DOCTYPES = {
    "none at all": "<!DOCTYPE a>",
    "billion laughs": f"<!DOCTYPE a [{BOMB}]>",
    "quadratic": f'<!DOCTYPE a [<!ENTITY a "{"x" * 100_000}">]>',
    "external entity": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    "parameter entity": '<!DOCTYPE a [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x.dtd"> %a;]>',
    "external subset": '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd">',
    "public identifier": '<!DOCTYPE a PUBLIC "-//x//y" "http://127.0.0.1:1/x.dtd">',
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES.keys())
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_type_is_refused_before_it_is_read(doctype: str, encoding: str) -> None:
    problem = refuse(f'<?xml version="1.0" encoding="{encoding}"?>\n{doctype}\n<a>&a11;</a>'.encode(encoding))
    assert (problem.line, problem.message.partition(" (")[0]) == (
        2,
        "expected no document type, got <!DOCTYPE>; remove it",
    )


def test_file_size_is_bounded() -> None:
    assert read_tree(b"<a>" + b"<!---->" * ((xml_tree.FILE_SIZE_MAX - 7) // 7) + b"</a>").name == "a"
    problem = refuse(b"<a />" + b" " * xml_tree.FILE_SIZE_MAX)
    assert f"at most {xml_tree.FILE_SIZE_MAX} bytes" in problem.message


def test_depth_is_bounded() -> None:
    depth = xml_tree.DEPTH_MAX
    read_tree(b"<a>" * depth + b"</a>" * depth)
    with pytest.raises(Unreadable, match=f"at most {depth} levels") as refusal:
        read_tree(b"<a>\n" * 1_000_000)
    assert refusal.value.line == depth + 1


def test_number_of_elements_is_bounded() -> None:
    count = xml_tree.NODES_MAX
    assert len(read_tree(b"<a>" + b"<b/>" * (count - 1) + b"</a>").children) == count - 1
    with pytest.raises(Unreadable, match=f"at most {count} elements"):
        read_tree(b"<a>" + b"<b/>" * count + b"</a>")


def test_number_of_attributes_is_bounded() -> None:
    count = xml_tree.ATTRIBUTES_MAX
    read_tree(("<a " + " ".join(f'b{n}=""' for n in range(count)) + "/>").encode())
    with pytest.raises(Unreadable, match=f"at most {count} attributes, got 5000"):
        read_tree(("<a " + " ".join(f'b{n}=""' for n in range(5_000)) + "/>").encode())


def test_length_of_texts_is_bounded() -> None:
    length = xml_tree.TEXT_LENGTH_MAX
    assert read_tree(b"<a>" + b"x" * length + b"</a>").text == "x" * length
    assert read_tree(b'<a b="' + b"x" * length + b'" />').get("b") == "x" * length
    with pytest.raises(Unreadable, match=f"expected text of at most {length} characters"):
        read_tree(b"<a>" + b"x" * (length + 1) + b"</a>")
    with pytest.raises(Unreadable, match=f"expected attribute 'b' of at most {length} characters"):
        read_tree(b'<a b="' + b"x" * (length + 1) + b'" />')


def test_text_around_many_children_is_read_once() -> None:
    count = 90_000
    root = read_tree(b"<a>" + b"xxxxxxxx<b/>" * count + b"</a>")
    assert len(root.text) == 8 * count


def test_comments_instructions_and_sections() -> None:
    root = read_tree(b'<?xml version="1.0"?><?x y?><a><!-- <b/> -->1<![CDATA[<2>]]><?x y?>&#51;&amp;</a><!-- end -->')
    assert (root.children, root.text) == ([], "1<2>3&")


def test_names_and_namespaces() -> None:
    root = read_tree(b'<a xmlns="urn:one" xmlns:x="urn:two" b="1" x:b="2"><x:c /><c /></a>')
    assert (root.namespace, root.name, root.attributes) == ("urn:one", "a", {"b": "1", "urn:two b": "2"})
    assert [(child.namespace, child.name) for child in root.children] == [("urn:two", "c"), ("urn:one", "c")]
    assert root.child("urn:one", "c") is root.children[1]
    assert root.child("urn:one", "x") is None
