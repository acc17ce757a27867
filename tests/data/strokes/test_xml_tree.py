"""XML elements know their lines; what could grow or reach outside the file is refused."""

import gzip

import pytest

from throughtime.data.strokes.xml_tree import read_xml
from throughtime.errors import UserError


def save(tmp_path, text, name="a.xml"):
    file = tmp_path / name
    packed = text.encode()
    file.write_bytes(gzip.compress(packed) if name.endswith(".gz") else packed)
    return file


@pytest.mark.parametrize("name", ["a.xml", "a.xml.gz"])
def test_elements_have_lines_text_and_names_without_namespaces(name, tmp_path):
    root = read_xml(
        save(
            tmp_path, '<a xmlns="urn:x" xmlns:y="urn:y">\n<y:b y:id="1">p<c/>q &amp; r</y:b>\n<d/></a>', name
        )
    )
    assert [(element.tag, element.line) for element in root.walk()] == [
        ("a", 1),
        ("b", 2),
        ("c", 2),
        ("d", 3),
    ]
    b = root.children[0]
    assert b.attributes == {"id": "1"} and b.text == "pq & r"


def test_a_document_type_without_entities_is_read_over(tmp_path):
    text = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:9/svg11.dtd">\n<svg/>'
    assert read_xml(save(tmp_path, text)).tag == "svg"


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "aaaa">',
        '<!ENTITY a SYSTEM "file:///etc/hostname">',
        '<!ENTITY % a SYSTEM "other.dtd"> %a;',
    ],
)
def test_entities_are_refused(declared, tmp_path):
    with pytest.raises(UserError, match=r"a\.xml, line 2: the file declares an XML entity"):
        read_xml(save(tmp_path, f"<!DOCTYPE x [\n{declared}]>\n<x>&a;</x>"))


def test_deep_trees_are_walked(tmp_path):
    depth = 5_000
    root = read_xml(save(tmp_path, "<a>" * depth + "</a>" * depth))
    assert sum(1 for _ in root.walk()) == depth


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<a>\n<b></a>", r"a\.xml, line 2: this is no well-formed XML \(mismatched tag\)"),
        ("<a>\n", r"a\.xml, line 2: this is no well-formed XML \(no element found\)"),
        ("", r"a\.xml is empty; leave it out"),
        ("<a>&nbsp;</a>", r"a\.xml, line 1: this is no well-formed XML \(undefined entity\)"),
    ],
)
def test_broken_xml_is_named_with_its_line(text, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read_xml(save(tmp_path, text))
