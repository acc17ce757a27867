"""What a file is, from its name and its lines."""

import pytest

from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.conllu import ConllU
from throughtime.data.tagged.format_detection import format_from_state, recognise_format
from throughtime.data.tagged.parallel import Parallel
from throughtime.data.tagged.plain_text import PlainText
from throughtime.data.tagged.python_roles import PythonRoles
from throughtime.data.tagged.sentences import document_at


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
    assert recognise_format(document_at(path), Conll(2, 3)).state() == Conll(2, 3).state()
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
