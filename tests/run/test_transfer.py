"""Fine-tuning begins with another run's weights, symbol by symbol; what did not fit is listed."""

import json
import random
from pathlib import Path

import pytest
import torch

from throughtime.inference.load import load

ONE_STEP = ("debug=fast", "trainer.max_steps=1", "trainer.accelerator=cpu", "optim.optimizer.lr=1e-12")
SIZES = (
    "cell.hidden_size=8",
    "model.front.size=5",
    "data.batch_size=4",
    "data.chunk_length=8",
    "callback.samples.length=3",
)


def write_text(path: Path, letters: str) -> Path:
    generator = random.Random(0)
    path.write_text("".join(generator.choices(letters, k=4000)))
    return path


def train(command, folder: Path, *typed: str) -> str:
    """A run of a single step that is too small to change a weight; returns what it printed."""
    finished = command("train.py", *ONE_STEP, *typed, f"hydra.run.dir={folder}")
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def places(path: Path) -> dict:
    return {piece: place for place, piece in enumerate(load(path).task.tokenizer.vocabulary.identities)}


@pytest.fixture
def source(command, tmp_path: Path) -> Path:
    """A run on the letters b to g."""
    train(command, tmp_path / "source", f"data.path={write_text(tmp_path / 'one.txt', 'bcdefg')}", *SIZES)
    return tmp_path / "source"


def test_rows_of_common_symbols_are_taken_and_new_ones_begin_afresh(
    command, source: Path, tmp_path: Path
) -> None:
    text = write_text(tmp_path / "two.txt", "aceg xyz")
    shown = train(command, tmp_path / "tuned", f"data.path={text}", f"init_from={source}", *SIZES, "seed=5")
    train(command, tmp_path / "fresh", f"data.path={text}", *SIZES, "seed=5")
    there, here = places(source), places(tmp_path / "tuned")
    weights = [load(path).task.state_dict() for path in (source, tmp_path / "tuned", tmp_path / "fresh")]
    common = {b"c", b"e", b"g", "<unk>"}
    assert set(there) & set(here) == common and there[b"c"] != here[b"c"]
    for name in ("model.front.weight", "head.weight", "head.bias"):
        before, tuned, fresh = (one[name] for one in weights)
        for symbol, place in here.items():
            expected = before[there[symbol]] if symbol in common else fresh[place]
            assert torch.allclose(tuned[place], expected, atol=1e-9), (name, symbol)
    cell = "model.layers.cells.0.weight_input"
    assert torch.allclose(weights[1][cell], weights[0][cell], atol=1e-9)
    assert f"starts from {source}" in shown and "4 of 9 symbols" in shown


def test_where_it_began_is_written_down_and_survives_a_resumption(
    command, source: Path, tmp_path: Path
) -> None:
    tuned = tmp_path / "tuned"
    train(command, tuned, f"data.path={tmp_path / 'one.txt'}", f"init_from={source}", *SIZES)
    origin = json.loads((tuned / "environment.json").read_text())["init_from"]
    assert origin["checkpoint"] == str(source / "checkpoints" / "best.ckpt") and len(origin["sha256"]) == 64
    (source / "checkpoints" / "best.ckpt").unlink()
    finished = command("train.py", f"resume={tuned}", "trainer.max_steps=2")
    assert finished.returncode == 0 and "starts from" not in finished.stdout, finished.stderr
    assert json.loads((tuned / "environment.json").read_text())["init_from"] == origin


def test_mismatches_are_listed(command, source: Path, tmp_path: Path) -> None:
    typed = ("cell=gru", "model.layers.depth=2", "cell.hidden_size=8", "model.front.size=5", *SIZES[2:])
    checkpoint = source / "checkpoints" / "last.ckpt"
    shown = train(
        command, tmp_path / "gru", f"data.path={tmp_path / 'one.txt'}", f"init_from={checkpoint}", *typed
    )
    lines = [line.strip() for line in shown.splitlines()]
    assert any(line.startswith("not there, newly initialised: model.layers.cells.1.") for line in lines)
    assert any(
        line.startswith("other shape, newly initialised: model.layers.cells.0.weight_input [24, 5]")
        for line in lines
    )
    assert any(line.startswith("by symbol: model.front.weight, 7 of 7 symbols") for line in lines)


def test_a_tied_head_is_taken_once(command, source: Path, tmp_path: Path) -> None:
    text = f"data.path={tmp_path / 'one.txt'}"
    shown = train(command, tmp_path / "tied", text, f"init_from={source}", *SIZES, "head.tied=true")
    assert "by symbol: model.front.weight" in shown and "head.map.weight" in shown
    weights = load(tmp_path / "tied").task.state_dict()
    assert torch.equal(weights["model.front.weight"], weights["head.weight"])


def test_words_characters_and_tags_are_found_again(command, tmp_path: Path) -> None:
    first, second = tmp_path / "one.conll", tmp_path / "two.conll"
    first.write_text("Ann B-PER\nsaw O\nBob B-PER\n\nHe O\nran O\n\n" * 60)
    second.write_text("Zoe B-LOC\nsaw O\nAnn B-PER\n\nThey O\nran O\n\n" * 60)
    small = ("task=tagging", "data=conll", "head=crf", "cell.hidden_size=4", "data.min_count=1")
    train(command, tmp_path / "a", f"data.path={first}", *small)
    shown = train(
        command, tmp_path / "b", f"data.path={second}", f"init_from={tmp_path / 'a'}", *small, "seed=2"
    )
    a, b = load(tmp_path / "a").task, load(tmp_path / "b").task
    weights = a.state_dict(), b.state_dict()
    for name, ids in (("model.front.weight", Word(a, b)), ("head.weight", Tag(a, b))):
        for symbol in ids.common:
            one, other = ids.places(symbol)
            assert torch.allclose(weights[0][name][one], weights[1][name][other], atol=1e-9), (name, symbol)
    one, other = Tag(a, b).places("O"), Tag(a, b).places("B-PER")
    assert torch.allclose(
        weights[0]["head.transitions"][one[0], other[0]],
        weights[1]["head.transitions"][one[1], other[1]],
        atol=1e-9,
    )
    assert "characters" in shown and "tags by" in shown


def test_pretrained_vectors_are_left_to_the_words_that_are_new(command, tmp_path: Path) -> None:
    first, second, vectors = (tmp_path / name for name in ("one.conll", "two.conll", "vectors.txt"))
    first.write_text("Ann A\nsaw B\n\n" * 60)
    second.write_text("Zoe A\nAnn A\nsaw B\n\n" * 60)
    vectors.write_text("Ann 5 6\nZoe 7 8\n")
    small = ("task=tagging", "data=conll", "cell.hidden_size=4", "model.front.size=2", "data.min_count=1")
    train(command, tmp_path / "a", f"data.path={first}", *small)
    train(
        command,
        tmp_path / "b",
        f"data.path={second}",
        f"data.vectors={vectors}",
        f"init_from={tmp_path / 'a'}",
        *small,
    )
    a, b = load(tmp_path / "a").task, load(tmp_path / "b").task
    before, after = a.state_dict()["model.front.weight"], b.state_dict()["model.front.weight"]
    assert torch.allclose(after[b.units.lexicon.word("Zoe")], torch.tensor([7.0, 8.0]))
    assert torch.allclose(after[b.units.lexicon.word("Ann")], before[a.units.lexicon.word("Ann")])


class Word:
    """The ids of a word in two taggers."""

    common = ("Ann", "saw", "ran")

    def __init__(self, *tasks) -> None:
        self.tasks = tasks

    def places(self, symbol: str) -> list[int]:
        return [task.units.lexicon.word(symbol) for task in self.tasks]


class Tag(Word):
    """The ids of a tag in two taggers."""

    common = ("O", "B-PER")

    def places(self, symbol: str) -> list[int]:
        return [task.units.lexicon.tag(symbol) for task in self.tasks]


def test_forecasting_takes_what_has_the_same_shape(command, tmp_path: Path) -> None:
    small = ("task=forecasting", "cell.hidden_size=4", "callback.forecast_figures.count=1")
    train(command, tmp_path / "a", *small)
    train(command, tmp_path / "b", *small, "seed=2", f"init_from={tmp_path / 'a'}")
    one, other = (load(tmp_path / name).task.state_dict() for name in "ab")
    name = "model.layers.cells.0.weight_recurrent"
    assert torch.allclose(one[name], other[name], atol=1e-9)


def test_nothing_in_common_is_a_mistake_that_leaves_nothing_behind(
    command, source: Path, tmp_path: Path
) -> None:
    typed = (
        "task=forecasting",
        "cell.hidden_size=4",
        f"init_from={source}",
        f"hydra.run.dir={tmp_path}/none",
    )
    finished = command("train.py", *typed)
    assert finished.returncode == 2 and "none of its weights fits this model" in finished.stderr, (
        finished.stderr
    )
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("nowhere", "there is no such folder"), ("bad.ckpt", "truncated or not a checkpoint")],
)
def test_what_is_no_run_is_a_mistake(path: str, sentence: str, command, tmp_path: Path) -> None:
    (tmp_path / "bad.ckpt").write_bytes(b"no checkpoint")
    finished = command("train.py", f"init_from={path}", "trainer.max_steps=1")
    assert finished.returncode == 2 and finished.stderr.startswith(f"error: init_from={path}: "), (
        finished.stderr
    )
    assert sentence in finished.stderr and finished.stderr.count("\n") == 1
