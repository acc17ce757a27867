"""CoNLL files are read by columns and written back as they came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.sentences import SentenceTags, document_at
from throughtime.errors import UserError


def document(path, text):
    path.write_bytes(text.encode())
    return document_at(path)


def own(sentences):
    return [SentenceTags(sentence.tags) for sentence in sentences]


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (Conll(), "The DT\ncat  NN\n\nIt PRP\n"),
        (Conll(), "The\tDT\ncat\tNN\n\n\n\nIt\tPRP"),
        (Conll(1, 4), "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n"),
        (Conll(2, 3), "# text = a b\n1\tThe new\tO\t-\t-\n2\tcat\tB-X\t-\t-\n"),
        (Conll(-1, 1), "\n\nDT The\nNN cat\n"),
    ],
)
def test_what_is_read_is_written_back(tmp_path, format, text):
    sentences = format.read(document(tmp_path / "file", text))
    assert format.write(sentences, own(sentences)) == text


TOKEN = st.text(st.characters(blacklist_categories=("Z", "C")), min_size=1, max_size=5).filter(
    lambda token: not token.startswith("#")
)


@given(st.lists(st.lists(st.tuples(TOKEN, TOKEN), min_size=1, max_size=4), min_size=1, max_size=4))
def test_tokens_and_tags_survive(tmp_path_factory, rows):
    text = "\n".join("".join(f"{token}\t{tag}\n" for token, tag in sentence) for sentence in rows)
    path = tmp_path_factory.mktemp("conll") / "file"
    sentences = Conll(separator="tab").read(document(path, text))
    found = [list(zip(sentence.tokens, sentence.tags, strict=True)) for sentence in sentences]
    assert found == rows


def test_a_comment_is_no_token_but_a_number_sign_is(tmp_path):
    sentences = Conll().read(
        document(tmp_path / "file", "# a comment here\nOption NN\n# SYM\n\n# SYM\n1 CD\n")
    )
    assert [sentence.tokens for sentence in sentences] == [("Option", "#"), ("#", "1")]
    assert [sentence.line for sentence in sentences] == [2, 5]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a X\nb\n", 2, "1 columns where 2 are expected"),
        ("a X\nb Y Z\n", 2, "3 columns where 2"),
        ("a\tX\t-\n\nb\tY", 3, "cut off"),
        ("a\tB-PER\nb\tO\n\nc\tB-", 4, "'B-' without the type"),
        ("a\nb\n", 1, "tag_column=-1"),
        ("a\tX\n\tX\n", 2, "token"),
        ("a\tX\nb\t\n", 2, "tag"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, text, line, words):
    with pytest.raises(UserError, match=f"file, line {line} ") as error:
        Conll().read(document(tmp_path / "file", text))
    assert words in str(error.value)


def test_a_file_without_tags_gets_a_column(tmp_path):
    for text, expected in (("a\nb\n\nc", "a\tX\nb\tX\n\nc\tX"), ("1 a\n2 b\n", "1 a X\n2 b X\n")):
        format = Conll(token_column=2, tag_column=3) if "1" in text else Conll()
        sentences = format.read(document(tmp_path / "file", text), tagged=False)
        assert all(sentence.tags == () for sentence in sentences)
        predictions = [SentenceTags(("X",) * len(sentence.tokens)) for sentence in sentences]
        assert format.write(sentences, predictions) == expected


def test_probabilities_are_a_last_column(tmp_path):
    sentences = Conll().read(document(tmp_path / "file", "a\tO\nb\tO\n"))
    assert Conll().write(sentences, [SentenceTags(("X", "Y"), (0.5, 1.0))]) == "a\tX\t0.5000\nb\tY\t1.0000\n"


def test_columns_that_cannot_be_are_refused():
    for columns in ((0, 1), (2, 2)):
        with pytest.raises(UserError, match="two columns"):
            Conll(*columns)
    with pytest.raises(UserError, match="separator"):
        Conll(separator="comma")
    assert Conll(**Conll(2, 3, 5, "tab").state()).state() == Conll(2, 3, 5, "tab").state()
