"""Words and signs in running text."""

import pytest

from throughtime.data.tagged.plain_text import TOKEN, PlainText
from throughtime.data.tagged.sentences import SentenceTags, document_at
from throughtime.errors import UserError


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It's 3.14, isn't it?", ["It's", "3.14", ",", "isn't", "it", "?"]),
        ("well-known (Örebro) at 10:30.", ["well-known", "(", "Örebro", ")", "at", "10:30", "."]),
        ("", []),
    ],
)
def test_words_keep_together_and_signs_stand_alone(text, tokens):
    assert TOKEN.findall(text) == tokens


def test_a_line_is_a_sentence(tmp_path):
    path = tmp_path / "file"
    path.write_text("It rains.\n\nOften\n")
    sentences = PlainText().read(document_at(path), tagged=False)
    assert [sentence.tokens for sentence in sentences] == [("It", "rains", "."), (), ("Often",)]
    predictions = [SentenceTags(("P", "V", "S")), SentenceTags(()), SentenceTags(("A",))]
    assert PlainText().write(sentences, predictions) == "It/P rains/V ./S\n\nOften/A\n"
    probabilities = [
        SentenceTags(("P", "V", "S"), (0.5, 0.5, 1.0)),
        SentenceTags((), ()),
        SentenceTags(("A",), (0.25,)),
    ]
    assert PlainText().write(sentences, probabilities).endswith("./S/1.0000\n\nOften/A/0.2500\n")


def test_there_is_nothing_to_learn_from_it(tmp_path):
    (tmp_path / "file").write_text("It rains.\n")
    with pytest.raises(UserError, match="without tags"):
        PlainText().read(document_at(tmp_path / "file"))
