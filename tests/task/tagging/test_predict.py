"""What was read is written with tags, from the checkpoint alone."""

import pytest

from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.sentences import document_at
from throughtime.errors import UserError
from throughtime.inference.load import load
from throughtime.task.tagging.predict import predict, tag

TRAINING = "Anna I-PER\nsaw O\nNew I-LOC\nYork I-LOC\nParis B-LOC\n\nshe O\nsaw O\nAnna I-PER\n\n"
SETTINGS = (
    "task=tagging",
    "data=conll",
    "head=crf",
    "cell.hidden_size=8",
    "data.split=[0.8,0.2,0]",
    "model.front.dropout=0.0",
    "model.layers.dropout=0.0",
    "optim.optimizer.lr=0.03",
    "trainer.max_steps=60",
    "trainer.val_check_interval=60",
)


@pytest.fixture(scope="module")
def trained(command_in, tmp_path_factory):
    """A tagger that knows its sentences by heart; the file that it learned from is gone."""
    folder = tmp_path_factory.mktemp("trained")
    corpus = folder / "corpus.txt"
    corpus.write_text(TRAINING * 10)
    finished = command_in(folder)("train.py", *SETTINGS, f"data.path={corpus}", f"hydra.run.dir={folder}/run")
    assert finished.returncode == 0, finished.stderr
    corpus.unlink()
    return load(folder / "run").task


def written(task, folder, text, name="input.txt", **options):
    (folder / name).write_text(text)
    predict(task, folder / name, folder / "output", **options)
    return (folder / "output").read_text()


def test_its_own_format_comes_back_in_its_own_scheme(trained, tmp_path):
    assert written(trained, tmp_path, TRAINING) == TRAINING


def test_a_file_without_tags_gets_them(trained, tmp_path):
    tokens = "".join(line.split()[0] + "\n" if line else "\n" for line in TRAINING.rstrip("\n").split("\n"))
    assert written(trained, tmp_path, tokens) == TRAINING.rstrip("\n").replace(" ", "\t") + "\n"


def test_another_scheme_is_kept(trained, tmp_path):
    bioes = "Anna\tS-PER\nsaw\tO\nNew\tB-LOC\nYork\tE-LOC\nParis\tS-LOC\n"
    assert written(trained, tmp_path, bioes) == bioes


def test_plain_text_is_cut_into_tokens(trained, tmp_path):
    assert written(trained, tmp_path, "she saw Anna\n\nAnna saw New York\n") == (
        "she/O saw/O Anna/I-PER\n\nAnna/I-PER saw/O New/I-LOC York/I-LOC\n"
    )


def test_conllu_keeps_what_is_no_word(trained, tmp_path):
    rest = "\t_" * 8
    text = f"# text = Anna saw\n1-2\tAnnasaw{rest}\n1\tAnna{rest}\n2\tsaw{rest}\n\n"
    expected = text.replace(f"1\tAnna{rest}", "1\tAnna\t_\tI-PER" + "\t_" * 6)
    expected = expected.replace(f"2\tsaw{rest}", "2\tsaw\t_\tO" + "\t_" * 6)
    assert written(trained, tmp_path, text) == expected


def test_python_is_read_as_such(trained, tmp_path):
    assert written(trained, tmp_path, "saw = Anna\n", "module.py").startswith("saw\tO\n")


def test_probabilities_follow_the_tags(trained, tmp_path):
    text = written(trained, tmp_path, "she saw Anna\n", probabilities=True)
    chances = [float(token.rsplit("/", 1)[1]) for token in text.split()]
    assert len(chances) == 3
    assert all(0.5 < chance <= 1 for chance in chances)


def test_the_standard_output_is_the_default(trained, tmp_path, capsys):
    (tmp_path / "input").write_text("Anna\n")
    predict(trained, tmp_path / "input")
    assert capsys.readouterr().out == "Anna\tI-PER\n"


def test_each_sentence_is_tagged_as_if_it_were_alone(trained, tmp_path):
    (tmp_path / "file").write_text("\n".join("Anna\n" * (1 + number % 4) + "saw\n" for number in range(150)))
    sentences = Conll().read(document_at(tmp_path / "file"), tagged=False)
    together = tag(trained, sentences)
    assert len(together) == 150
    assert together == [tag(trained, [sentence])[0] for sentence in sentences]


def test_sentences_without_tokens_have_no_tags(trained, tmp_path):
    (tmp_path / "file").write_text("# nothing\n")
    (sentence,) = Conll().read(document_at(tmp_path / "file"), tagged=False)
    assert tag(trained, [sentence], probabilities=True)[0].tags == ()


def test_a_file_with_nothing_in_it_and_a_malformed_one_are_told(trained, tmp_path):
    for text, words in ((" \n", "is empty"), ("a\tX\nb\tX\nc\n", "line 3")):
        (tmp_path / "input").write_text(text)
        with pytest.raises(UserError, match=words):
            predict(trained, tmp_path / "input", tmp_path / "output")
    with pytest.raises(UserError, match="cannot be read"):
        predict(trained, tmp_path / "absent", tmp_path / "output")


def test_words_of_running_text_are_never_replaced(trained, tmp_path, capsys):
    text = "she saw\nAnna saw\nsaw Paris\n"
    assert written(trained, tmp_path, text) == "she/O saw/O\nAnna/I-PER saw/O\nsaw/O Paris/I-LOC\n"
    assert "is read as text (--format: conll," in capsys.readouterr().err
    tabs = text.replace(" ", "\t")
    changed = written(trained, tmp_path, tabs)
    assert [line.rpartition("\t")[0] for line in changed.split("\n")[:-1]] == tabs.split("\n")[:-1]
    assert "token in column 1; tags are a new last column" in capsys.readouterr().err
    columns = written(trained, tmp_path, text, format_name="conll")
    assert [line.rpartition(" ")[0] for line in columns.split("\n")[:-1]] == text.split("\n")[:-1]
    assert capsys.readouterr().err == ""


def test_a_column_of_tags_is_replaced_and_that_is_told(trained, tmp_path, capsys):
    assert written(trained, tmp_path, "Anna O\nsaw O\nsaw O\n").startswith("Anna I-PER\n")
    assert "tags replace column 2" in capsys.readouterr().err


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_byte_order_mark_are_kept(trained, tmp_path, mark, end):
    text = mark + TRAINING.replace("\n", end)
    (tmp_path / "input").write_bytes(text.encode())
    predict(trained, tmp_path / "input", tmp_path / "output")
    assert (tmp_path / "output").read_bytes() == text.encode()


def test_documents_and_comments_are_written_back(trained, tmp_path):
    text = "-DOCSTART- O\n\n# doc0\n" + TRAINING + "-DOCSTART- O\n\n" + TRAINING
    assert written(trained, tmp_path, text) == text


def test_a_file_without_empty_lines_is_read_in_pieces_and_written_whole(trained, tmp_path, capsys):
    text = "Anna\nsaw\nParis\n" * 1500
    found = written(trained, tmp_path, text).splitlines()
    assert [line.split("\t")[0] for line in found] == text.split()
    assert all(len(line.split("\t")) == 2 for line in found)
    assert "has a sentence of 4,500 tokens; the model reads 2,000 at a time" in capsys.readouterr().err


@pytest.mark.parametrize(
    "tagged",
    [
        "Anna\t(PER)\nsaw\t*\nNew\t(LOC*\nYork\t*)\nParis\t(LOC)\n",
        "Anna\tPER-B\nsaw\tO\nNew\tLOC-B\nYork\tLOC-I\nParis\tLOC-B\n",
        "Anna\tB_PER\nsaw\tO\nNew\tB_LOC\nYork\tI_LOC\nParis\tB_LOC\n",
    ],
)
def test_another_notation_is_kept(trained, tmp_path, tagged):
    assert written(trained, tmp_path, tagged) == tagged
