"""Bits per character compare across tokenizers, and what is written is text."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch.nn import functional

from throughtime.cell.gru import GRU
from throughtime.data.text.lines import LinesData
from throughtime.data.text.running_text import TextData
from throughtime.decode.sampling import Sampling
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.optim.optimization import Optimization
from throughtime.task.textgen.task import TextGeneration
from throughtime.tokenizer.base import Tokenizer
from throughtime.tokenizer.bpe import BPE
from throughtime.tokenizer.bytes import Bytes
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.words import Words

TEXT = "Überall fließt Wasser, und überall fließt Zeit.\nEs war ein langer Tag – ein sehr langer Tag.\n" * 40
TOKENIZERS = {
    "characters": Characters,
    "bytes": Bytes,
    "words": partial(Words, vocabulary_size=30),
    "bpe": partial(BPE, vocabulary_size=280),
}


def build(artifacts: dict[str, Any]) -> TextGeneration:
    torch.manual_seed(0)
    model = SequenceModel(
        front=partial(Embedding, size=4),
        layers=partial(Stack, depth=1),
        cell=partial(GRU, hidden_size=6),
        engine=Reference(),
        **artifacts["input_sizes"],
    )
    head = Softmax(model.output_size, **artifacts["output_sizes"])
    return TextGeneration(model, head, Optimization(partial(torch.optim.SGD, lr=0.1)), artifacts).eval()


def measured(task: TextGeneration, data: Any, folder: Path) -> dict[str, float]:
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    (metrics,) = trainer.test(task, data.test_dataloader(), verbose=False)
    return metrics


def nats(task: TextGeneration, ids: torch.Tensor) -> float:
    """The information of ids 1 .. N - 1 given those before, in one pass."""
    with torch.no_grad():
        features, _ = task.model(ids[:-1, None], task.model.initial_state(1), None, None)
        return functional.cross_entropy(task.head.predict(features)[:, 0], ids[1:], reduction="sum").item()


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", TOKENIZERS)
def test_bits_per_character_are_the_total_over_the_characters_covered(
    name: str, text: Path, tmp_path: Path
) -> None:
    data = TextData(path=str(text), chunk_length=8, eval_batch_size=1, cache_dir=str(tmp_path / "cache"))
    tokenizer: Tokenizer = TOKENIZERS[name]()
    data.connect(tokenizer)
    data.setup()
    task = build(data.artifacts())
    metrics = measured(task, data, tmp_path)
    held_out = TEXT[math.floor(len(TEXT) * 0.95 + 1e-3) :]
    ids = torch.tensor([int(index) for index in tokenizer.encode(held_out, Origin("test"))])
    first = len(tokenizer.decode(ids[:1].tolist())) if name != "bytes" else 1
    characters = len(held_out) - first
    assert metrics["test/bpc"] == pytest.approx(nats(task, ids) / math.log(2) / characters, rel=1e-4)
    assert metrics["test/loss"] == pytest.approx(nats(task, ids) / (len(ids) - 1), rel=1e-4)
    assert metrics["test/perplexity"] == pytest.approx(math.exp(metrics["test/loss"]), rel=1e-5)


def test_the_share_of_unknown_symbols_is_told_with_what_it_makes_cheaper(text: Path, tmp_path: Path) -> None:
    """The smaller the vocabulary the fewer bits, while less of the text is predicted: the shares tell them apart."""
    shares, notes = [], []
    for size in (4, 12, 30):
        data = TextData(path=str(text), chunk_length=8, cache_dir=str(tmp_path / "cache"))
        tokenizer = Words(vocabulary_size=size)
        data.connect(tokenizer)
        data.setup()
        task = build(data.artifacts())
        metrics = measured(task, data, tmp_path)
        ids = tokenizer.encode(TEXT[math.floor(len(TEXT) * 0.95 + 1e-3) :], Origin("test"))
        assert metrics["test/unknown"] == pytest.approx((ids == tokenizer.vocabulary.unknown).mean())
        shares.append(metrics["test/unknown"])
        notes.append(task.summary_table())
    assert shares[0] > shares[1] > shares[2]
    assert notes[0].startswith(f"{shares[0]:.2%} of the symbols of the test text are <unk>")
    assert (shares[2] == 0) == (notes[2] == "")


def test_a_tokenizer_without_unknown_symbols_has_no_share_of_them(text: Path, tmp_path: Path) -> None:
    data = TextData(path=str(text), chunk_length=8, cache_dir=str(tmp_path / "cache"))
    data.connect(Bytes())
    data.setup()
    task = build(data.artifacts())
    assert "test/unknown" not in measured(task, data, tmp_path) and task.summary_table() == ""


def test_the_share_of_other_data_is_that_of_the_other_data(text: Path, tmp_path: Path) -> None:
    data = TextData(path=str(text), chunk_length=8, cache_dir=str(tmp_path / "cache"))
    data.connect(Characters())
    data.setup()
    task = build(data.artifacts())
    assert measured(task, data, tmp_path)["test/unknown"] == 0
    other = tmp_path / "other.txt"
    other.write_text("\u4e16 " * 100, encoding="utf-8")
    foreign = TextData(test_path=str(other), chunk_length=8, cache_dir=str(tmp_path / "cache"))
    foreign.restore(data.artifacts())
    foreign.setup()
    task.measure_on(foreign.artifacts())
    assert measured(task, foreign, tmp_path)["test/unknown"] == 0.5


@pytest.fixture
def by_line(text: Path, tmp_path: Path) -> tuple[TextGeneration, LinesData]:
    data = LinesData(path=str(text), cache_dir=str(tmp_path / "cache"))
    data.connect(Characters())
    data.setup()
    return build(data.artifacts()), data


def test_the_end_of_a_line_counts_as_a_character(
    by_line: tuple[TextGeneration, LinesData], tmp_path: Path
) -> None:
    task, data = by_line
    vocabulary = task.tokenizer.vocabulary
    total = characters = 0
    for line in TEXT.splitlines()[-4:]:
        ids = [int(index) for index in task.tokenizer.encode(line, Origin("test"))]
        total += nats(task, torch.tensor([vocabulary.start, *ids, vocabulary.end]))
        characters += len(line) + 1
    assert data.sequences["test"] == 4
    assert measured(task, data, tmp_path)["test/bpc"] == pytest.approx(total / math.log(2) / characters)


def write(task: TextGeneration, prompt: str, length: int, seed: int = 0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return [int(ids[0]) for ids in task.write(prompt, length, Sampling(), generator)]


def test_a_sample_ends_with_the_end_symbol_and_never_holds_what_is_no_text(
    by_line: tuple[TextGeneration, LinesData],
) -> None:
    task, _ = by_line
    vocabulary = task.tokenizer.vocabulary
    with torch.no_grad():  # make both, and the end, as likely as can be
        for index in (vocabulary.start, vocabulary.unknown):
            task.head.bias[index] = 20.0
        task.head.bias[vocabulary.end] = 1.0
    samples = [write(task, "", 200, seed) for seed in range(10)]
    written = {index for sample in samples for index in sample}
    assert not written & {vocabulary.start, vocabulary.unknown}
    assert any(len(sample) < 200 for sample in samples)
    for sample in samples:
        assert vocabulary.end not in sample[:-1]
        if len(sample) < 200:
            assert sample[-1] == vocabulary.end


def test_the_prompt_is_read_before_the_text_is_written(by_line: tuple[TextGeneration, LinesData]) -> None:
    task, _ = by_line
    assert write(task, "Ein", 30, seed=1) == write(task, "Ein", 30, seed=1)
    assert write(task, "Ein", 30, seed=1) != write(task, "Ein", 30, seed=2)
    with torch.no_grad():
        ids = torch.tensor([int(index) for index in task.tokenizer.encode("Ein", Origin("prompt"))])
        read = torch.cat([torch.tensor([task.tokenizer.vocabulary.start]), ids])[:, None]
        features, _ = task.model(read, task.model.initial_state(1), None, None)
        most_probable = int(task._log_probabilities(features[-1]).argmax())
    assert write_greedily(task, "Ein") == most_probable


def write_greedily(task: TextGeneration, prompt: str) -> int:
    decoder = Sampling(temperature=0.0)
    return int(next(iter(task.write(prompt, 1, decoder, torch.Generator())))[0])


def test_a_long_text_is_that_of_the_models_own_steps(
    by_line: tuple[TextGeneration, LinesData], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, _ = by_line
    task.double()
    own = [write(task, "Ein", 60, seed) for seed in range(5)]
    monkeypatch.setattr("throughtime.task.textgen.task.COMPILE_SECONDS", 0)
    assert [write(task, "Ein", 60, seed) for seed in range(5)] == own


@pytest.mark.parametrize("unknown", ["unk", "error"])
def test_a_prompt_with_an_unseen_symbol_follows_the_policy(unknown: str, text: Path, tmp_path: Path) -> None:
    data = TextData(path=str(text), chunk_length=8, cache_dir=str(tmp_path / "cache"))
    data.connect(Characters(unknown=unknown))
    data.setup()
    task = build(data.artifacts())
    if unknown == "unk":
        assert len(write(task, "a中b", 5)) == 5
        return
    with pytest.raises(UserError, match=r"中.*the prompt"):
        write(task, "a中b", 5)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_loss_of_a_long_line_is_the_same_in_chunks_and_whole(batch_size: int, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("ab\n" + "abc abd " * 60 + "\nabcd\n" + "d cb" * 37 + "\na\n" * 4)

    def loaded(chunk_length: int) -> LinesData:
        data = LinesData(
            path=str(tmp_path / "lines.txt"),
            split=(0.5, 0, 0.5),
            chunk_length=chunk_length,
            eval_batch_size=batch_size,
        )
        data.connect(Characters())
        data.setup()
        return data

    data = loaded(100_000)
    task = build(data.artifacts())
    whole = measured(task, data, tmp_path)
    assert len(loaded(7).test_dataloader()) == len(data.test_dataloader())
    for chunk_length in (7, 64):
        chunks = measured(task, loaded(chunk_length), tmp_path)
        assert chunks["test/loss"] == pytest.approx(whole["test/loss"], rel=1e-5)
        assert chunks["test/bpc"] == pytest.approx(whole["test/bpc"], rel=1e-5)
