"""Every token of Python source has a role, and the standard library gives enough of them."""

import io
import keyword
import tokenize

import pytest

from throughtime.data.tagged.python_roles import PythonRoles
from throughtime.data.tagged.sentences import SentenceTags, document_at
from throughtime.errors import UserError

SOURCE = '''"""A module."""
import os.path as p, re
from a.b import (c, d as e)


@cached
def area(width, *, unit=p):  # a comment
    text = "width" 'x'
    return width ** 2 + len(c)


class Shape:
    sides = 0

    def name(self):
        self.label = area(3)
        match self:
            case Shape(): return e
'''


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "shape.py"
    path.write_text(SOURCE)
    return document_at(path)


def test_each_token_has_its_role(source):
    found = [
        pair
        for sentence in PythonRoles().read(source)
        for pair in zip(sentence.tokens, sentence.tags, strict=True)
    ]
    names = [(token, role) for token, role in found if token.isidentifier() and role != "keyword"]
    assert names == [
        *(("os", "module"), ("path", "module"), ("p", "module"), ("re", "module")),
        *(("a", "module"), ("b", "module"), ("c", "imported"), ("d", "imported"), ("e", "imported")),
        *(("cached", "decorator"), ("area", "function"), ("width", "parameter"), ("unit", "parameter")),
        *(("p", "module"), ("text", "local")),
        *(("width", "parameter"), ("len", "builtin"), ("c", "imported")),
        *(("Shape", "class"), ("sides", "attribute")),
        *(("name", "method"), ("self", "parameter"), ("self", "parameter"), ("label", "attribute")),
        *(("area", "function"), ("self", "parameter"), ("Shape", "class"), ("e", "imported")),
    ]
    keywords = {token for token, role in found if role == "keyword"}
    assert keywords == {"import", "as", "from", "def", "return", "class", "match", "case"}
    assert {token for token, role in found if role == "number"} == {"2", "3", "0"}


def test_a_function_is_one_sentence_and_a_statement_outside_another(source):
    starts = [(sentence.line, sentence.tokens[0]) for sentence in PythonRoles().read(source)]
    assert starts == [
        (1, '"""A module."""'),
        (2, "import"),
        (3, "from"),
        (6, "@"),
        (12, "class"),
        (13, "sides"),
        (15, "def"),
    ]


def test_a_long_function_is_cut_between_logical_lines(source):
    pieces = [sentence for sentence in PythonRoles(longest=16).read(source) if 6 <= sentence.line < 12]
    assert [piece.tokens[0] for piece in pieces] == ["@", "text"]
    assert all(len(piece.tokens) <= 5 for piece in PythonRoles(longest=5).read(source))


def test_no_token_is_lost_by_cutting(source):
    def tokens(longest):
        return [token for sentence in PythonRoles(longest).read(source) for token in sentence.tokens]

    assert tokens(1000) == tokens(7) == tokens(1)


def test_a_file_that_is_not_python_is_named_with_its_line(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("a = 1\nb = = 2\n")
    with pytest.raises(UserError, match=r"broken\.py, line 2 is not Python"):
        PythonRoles().read(document_at(path))
    sentences = PythonRoles().read(document_at(path), tagged=False)
    assert [sentence.tokens for sentence in sentences] == [("a", "=", "1"), ("b", "=", "=", "2")]
    path.write_text("a = 1\nb = (2\n")
    for tagged in (True, False):
        with pytest.raises(UserError, match=r"broken\.py, line \d is not Python"):
            PythonRoles().read(document_at(path), tagged)


def test_it_is_written_as_columns(source):
    sentences = PythonRoles().read(source)[1:2]
    text = PythonRoles().write(sentences, [SentenceTags(sentences[0].tags, (0.5,) * len(sentences[0].tags))])
    assert text.startswith("import\tkeyword\t0.5000\nos\tmodule\t0.5000\n.\toperator\t0.5000\n")


def test_the_standard_library_gives_the_same_modules_every_time():
    documents = PythonRoles(modules=5).shipped()
    assert documents == PythonRoles(modules=5).shipped()
    assert len(documents) == 5


def test_names_of_the_standard_library_have_roles_of_names():
    format = PythonRoles(modules=6)
    for document in format.shipped():
        source = "".join(piece.text for piece in document.pieces())
        expected = [
            token.string
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string)
        ]
        pairs = [
            pair
            for sentence in format.read(document)
            for pair in zip(sentence.tokens, sentence.tags, strict=True)
        ]
        names = [token for token, role in pairs if role not in format.signs]
        assert names == expected
