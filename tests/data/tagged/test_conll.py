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


DOCUMENTS = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O

-DOCSTART-

Peter NNP I-NP I-PER
-DOCSTART- -X- -X- O
Blackburn NNP I-NP I-PER
"""


def test_a_line_that_begins_a_document_is_no_token_and_ends_a_sentence(tmp_path):
    format = Conll()
    sentences = format.read(document(tmp_path / "file", DOCUMENTS))
    assert [sentence.tokens for sentence in sentences] == [("EU", "rejects"), ("Peter",), ("Blackburn",)]
    assert [sentence.line for sentence in sentences] == [3, 8, 10]
    assert format.write(sentences, own(sentences)) == DOCUMENTS
    assert format.remarks(sentences) == ["3 lines between documents"]
    words = "".join(line.split(" ")[0] + "\n" for line in DOCUMENTS.rstrip("\n").split("\n"))
    sentences = format.read(document(tmp_path / "file", words), tagged=False)
    predictions = [SentenceTags(("X",) * len(sentence.tokens)) for sentence in sentences]
    assert format.write(sentences, predictions).startswith("-DOCSTART-\n\nEU\tX\n")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("# doc0\na O\nb X\n\n# doc1\nc O\n", [("a", "b"), ("c",)]),
        ("# id = 0\na P C O\n\n# id = 1\nb P C O\n", [("a",), ("b",)]),
        ("#doc 1\na O\n\n#doc 2\nb O\n", [("a",), ("b",)]),
        ("# id\t0\na\tO\n\n## 1\nb\tO\n", [("a",), ("b",)]),
        ("#happy\tO\nday\tO\n", [("#happy", "day")]),
        ("#happy O\n#day O\nday O\n", [("#happy", "#day", "day")]),
        ("#happy HT\nday NN\n\n#sad HT\nday NN\n", [("#happy", "day"), ("#sad", "day")]),
        ("#happy HT\n", [("#happy",)]),
        ("# X\nday X\n", [("#", "day")]),
        ("# a b c\n#happy O\nday O\n", [("#happy", "day")]),
    ],
)
def test_comments_are_distinguished_from_hashtags(tmp_path, text, tokens):
    sentences = Conll().read(document(tmp_path / "file", text))
    assert [sentence.tokens for sentence in sentences] == tokens
    assert Conll().write(sentences, own(sentences)) == text


def test_the_rule_of_comments_is_told_and_can_be_set(tmp_path):
    text = "# doc0\na O\n\n# doc1\n%b O\n"
    assert Conll().remarks(Conll().read(document(tmp_path / "file", text))) == [
        "2 comment lines such as '# doc0'"
    ]
    for comment, tokens in ((None, ["#", "a", "#", "%b"]), ("# ", ["a", "%b"]), ("%", ["#", "a", "#"])):
        sentences = Conll(comment=comment).read(document(tmp_path / "file", text))
        assert [token for sentence in sentences for token in sentence.tokens] == tokens
    with pytest.raises(UserError, match="comment= is empty"):
        Conll(comment="")
    with pytest.raises(UserError, match=r"line 2 has 3 columns.*data\.format\.comment"):
        Conll().read(document(tmp_path / "file", "a O\n# a comment\n"))


def conll_2012(predicates, words=3):
    """A sentence with so many columns of arguments."""
    rows = [["bc/a", "0", str(n), f"w{n}", "NN", "*", "-", "-", "-", "-", "*"] for n in range(words)]
    return "".join("   ".join([*row, *["*"] * predicates, "-"]) + "\n" for row in rows)


def test_columns_may_vary_by_sentence_as_in_conll_2012(tmp_path):
    mark = "#begin document (bc/a); part 000\n"
    text = conll_2012(2) + "\n" + conll_2012(0) + "\n" + conll_2012(5)
    for whole in (f"{mark}{text}\n#end document\n{mark}{text}#end document\n", text):
        format = Conll(4, 11)
        sentences = format.read(document(tmp_path / "file", whole))
        assert {sentence.tokens for sentence in sentences if sentence.tokens} == {("w0", "w1", "w2")}
        assert {tag for sentence in sentences for tag in sentence.tags} == {"*"}
        assert format.write(sentences, own(sentences)) == whole
        assert format.state()["columns"] == "varying"
    cut_off = mark + conll_2012(0) + "\n" + conll_2012(5).removesuffix("   *" * 5 + "   -\n")
    with pytest.raises(UserError, match="line 8 has 11 columns where 17"):
        Conll(4, 11).read(document(tmp_path / "file", cut_off))
    sentences = Conll(1, 2, columns="varying").read(document(tmp_path / "file", "a X\n\nb Y Z\n"))
    assert [sentence.tags for sentence in sentences] == [("X",), ("Y",)]
    with pytest.raises(UserError, match="columns=many"):
        Conll(columns="many")


def test_blanks_at_the_end_of_lines_are_kept(tmp_path):
    text = "a X \nb Y\n"
    sentences = Conll().read(document(tmp_path / "file", text))
    assert Conll().write(sentences, own(sentences)) == text
