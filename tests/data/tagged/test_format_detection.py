"""What a file is, from its name and its lines."""

import pytest

from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.conllu import ConllU
from throughtime.data.tagged.format_detection import format_from_state, named_format, recognise_format
from throughtime.data.tagged.parallel import Parallel
from throughtime.data.tagged.plain_text import PlainText
from throughtime.data.tagged.python_roles import PythonRoles
from throughtime.data.tagged.sentences import document_at
from throughtime.errors import UserError


@pytest.mark.parametrize(
    ("name", "text", "trained", "kind"),
    [
        ("x.py", "def f(): pass\n", Conll(), PythonRoles),
        ("x.conllu", "# a\n" + "\t".join("1_________") + "\n", Conll(), ConllU),
        ("x.txt", "EU\tNNP\nrejects\tVBZ\n\nPeter\tNNP\n", ConllU(), Conll),
        ("x.txt", "EU NNP\nrejects VBZ\n\nPeter NNP\n", ConllU(), Conll),
        ("x.txt", "EU\nrejects\n\nPeter\n", Conll(2, 3), Conll),
        ("x.txt", "EU\tNNP\nrejects\tVBZ\n\nPeter\n", ConllU(), Conll),
        ("x.txt", "It rains in Spain.\nOften.\n", Conll(), PlainText),
        ("x.txt", "hello world\n", Conll(), PlainText),
        ("x.txt", "", Conll(), PlainText),
        ("x.in", "It rains\n", Parallel(), Parallel),
        ("x.txt", "It rains\n", Parallel(), PlainText),
    ],
)
def test_the_format_is_recognised(tmp_path, name, text, trained, kind):
    (tmp_path / name).write_text(text)
    assert type(recognise_format(document_at(tmp_path / name), trained)) is kind


def test_the_settings_of_training_hold_for_files_like_it(tmp_path):
    path = tmp_path / "file"
    path.write_text("1\tEU\tO\n2\trejects\tO\n")
    assert recognise_format(document_at(path), Conll(2, 3), {"O"}.__contains__).state() == Conll(2, 3).state()
    path.write_text("EU\nrejects\n")
    assert recognise_format(document_at(path), Conll(2, 3)).state() == Conll().state()
    path.write_text("\t".join("1_________") + "\n")
    assert recognise_format(document_at(path), ConllU("XPOS")).field == "XPOS"


@pytest.mark.parametrize(
    "format", [Conll(2, 3), ConllU("Number"), Parallel("a", "b"), PythonRoles(20, 3), PlainText()]
)
def test_a_format_is_made_again_from_its_state(format):
    state = {"name": type(format).__name__, **format.state()}
    again = format_from_state(state)
    assert type(again) is type(format)
    assert again.state() == format.state()


KNOWN = {"O", "B-PER", "I-PER", "NN"}.__contains__


def recognised(path, text, trained, known=KNOWN):
    path.write_text(text)
    return recognise_format(document_at(path), trained, known)


@pytest.mark.parametrize(
    ("text", "columns", "tag_column"),
    [
        ("a X O\nb Y O\nc Z B-PER\n", 3, -1),  # the columns of training
        ("a O\nb O\nc B-PER\n", 3, -1),  # others, with its tags
        ("a NNP\nb VBZ\nc NNP\n", 3, 3),  # the column is absent
        ("a NNP B-NP\nb VBZ B-VP\nc NNP B-NP\n", 4, 4),
        ("a\tNNP\nb\tVBZ\n", 3, 3),
        ("first\tname\nlast\tname\n", 2, 3),  # as many as in training, but no tags
        ("a\t_\nb\t_\n", 2, -1),
        ("a\nb\n", 2, -1),
    ],
)
def test_only_a_column_of_the_models_tags_is_replaced(tmp_path, text, columns, tag_column):
    format = recognised(tmp_path / "file", text, Conll(columns=columns))
    assert isinstance(format, Conll)
    assert format.tag_column == tag_column


@pytest.mark.parametrize(
    "text",
    ["New York\nhello world\ngood day\n", "a b c\nd e f\ng h i\n", "das ist so\nich bin da\nIHR SEID DA\n"],
)
def test_running_text_with_as_many_words_in_each_line_is_no_table(tmp_path, text):
    assert isinstance(
        recognised(tmp_path / "file", text, Conll(columns=len(text.split("\n")[0].split()))), PlainText
    )


def test_ten_columns_without_numbers_of_words_are_not_conllu(tmp_path):
    text = "\t".join(["word"] * 9 + ["O"]) + "\n"
    assert isinstance(recognised(tmp_path / "file", text, Conll()), Conll)


def test_other_tags_than_those_of_a_conllu_file_go_to_misc(tmp_path):
    row = "1\ta\t_\t{}\t_\t_\t_\t_\t_\t_\n"
    for upos, field in (("NOUN", "MISC.Tag"), ("NN", "UPOS"), ("_", "UPOS")):
        assert recognised(tmp_path / "file", row.format(upos), Conll()).field == field


def test_what_the_user_says_holds(tmp_path):
    path = tmp_path / "file"
    path.write_text("a O\nb O\nc O\n")
    kinds = {"text": PlainText, "conll": Conll, "python": PythonRoles, "parallel": Parallel}
    for name, kind in kinds.items():
        assert type(named_format(name, document_at(path), Conll(1, 2), KNOWN)) is kind
    path.write_text("New York\nhello world\ngood day\n")
    assert named_format("conll", document_at(path), Conll(), KNOWN).tag_column == 3
    with pytest.raises(UserError, match="format=table"):
        named_format("table", document_at(path), Conll())
