"""Two processes that share the lanes are one: losses, steps, weights and measures are those of a process alone."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch import Callback

from throughtime.distributed.collectives import rank
from throughtime.distributed.launcher import SingleNodeEnvironment
from throughtime.run.build import build_data, build_task
from throughtime.run.checkpoint import AtomicCheckpointIO
from throughtime.run.folder import RunFolder
from throughtime.run.log_filters import filter_logs
from throughtime.run.trainer import build_trainer

SHORT = (
    "cell.hidden_size=6",
    "model.layers.dropout=0.0",
    "trainer.max_steps=6",
    "trainer.val_check_interval=6",
    "trainer.log_every_n_steps=1",
    "trainer.accelerator=cpu",
    "optim/schedule=constant",
    "optim.optimizer.lr=0.01",
    "logger=none",
    "callback.gradient_norm=null",
)
TEXT = (*SHORT, "model.front.size=5", "callback.samples=null", "data.chunk_length=16")
TAGS = (*SHORT, "task=tagging", "callback.tag_table=null", "data=conll", "data.split=[0.6,0.2,0.2]")
TAGS += ("model.front.word_dropout=0.0", "model.front.dropout=0.0", "trainer.num_sanity_val_steps=0")
SERIES = (*SHORT, "task=forecasting", "callback.forecast_figures=null", "callback.forecast_tables=null")
SERIES += ("task.backtest.origins=0", "trainer.limit_val_batches=2", "trainer.limit_test_batches=2")
CLASSES = (*SHORT, "task=classification", "data.augmentation=null", "callback.class_figures=null")
CLASSES += ("callback.class_table=null", "head.label_smoothing=0.0", "data.split=[0.8,0.1,0.1]")
MUSIC = (*SHORT, "task=music", "data=piano_rolls", "data.path={pieces}", "callback.samples=null")
MUSIC += ("model.front.dropout=0.0", "callback.piano_roll=null", "data.eval_batch_size=2")
INK = (*SHORT, "task=handwriting", "data.source.train=11", "data.source.val=5", "data.source.test=4")
INK += ("data.source.hands=10", "data.source.longest=3", "callback.samples=null", "head.components=3")
LINES = (*SHORT, "task=transcription", "data.source.lines=11", "data.source.eval_lines=5")
LINES += ("data.source.longest=3", "callback.transcript_figures=null", "callback.transcript_table=null")
CASES = {
    "text, five lanes of uneven lengths": (
        *TEXT,
        "engine=fused",
        "data.batch_size=5",
        "data.eval_batch_size=3",
    ),
    "text, a horizon, resets and a learned beginning": (
        *TEXT,
        "data.path={texts}",
        "data.batch_size=3",
        "data.random_offset=true",
        "task.horizon=24",
        "cell=gru",
        "cell.learned_state=true",
        "trainer.accumulate_grad_batches=2",
    ),
    "text, evaluated in fewer lanes than processes": (*TEXT, "data.batch_size=2", "data.eval_batch_size=1"),
    "lines, last batches of one": (*TEXT[:-1], "data=lines", "data.batch_size=7", "data.eval_batch_size=3"),
    "tags, independent": (*TAGS, "data.batch_size=4", "data.eval_batch_size=3"),
    "tags, a chain": (*TAGS, "head=crf", "data.batch_size=3", "data.eval_batch_size=5"),
    "windows": (*SERIES, "data.batch_size=9", "data.eval_batch_size=7", "data.look_back=48"),
    "classes, more processes than lanes at the end": (
        *CLASSES,
        "data.batch_size=8",
        "data.eval_batch_size=7",
        "trainer.max_steps=4",
        "trainer.val_check_interval=4",
    ),
    "classes, in chunks": (
        *CLASSES,
        "pooling=mean",
        "data.source.read=pixels",
        "data.chunk_length=32",
        "data.batch_size=5",
        "data.eval_batch_size=90",
    ),
    "music, independent notes in lanes": (
        *MUSIC,
        "data.batch_size=3",
        "data.chunk_length=5",
        "data.transpose=2",
    ),
    "music, chords in whole pieces": (*MUSIC, "head=nade", "data.batch_size=3", "data.chunk_length=null"),
    "ink, conditioned on its text": (
        *INK,
        "data.batch_size=4",
        "data.eval_batch_size=3",
        "trainer.max_steps=3",
        "trainer.val_check_interval=3",
    ),
    "transcripts, some of them too long": (
        *LINES,
        "data.batch_size=4",
        "data.eval_batch_size=3",
        "model.front.factor=16",
        "optim.optimizer.lr=0.001",
        "trainer.max_steps=3",
        "trainer.val_check_interval=3",
    ),
    "streams": (*SERIES, "model=recursive", "head=mse", "data.loading=lanes", "data.normalisation=none"),
}


SLOW = ("music, chords in whole pieces", "ink, conditioned on its text", "transcripts, some of them too long")


class Losses(Callback):
    """The training loss of each step, and how many targets it is a mean of."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.seen.append((float(trainer.callback_metrics.get("train/loss", 0.0)), pl_module.targets_seen))


def train(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train and test as whatever rank this process is; what came of it."""
    filter_logs()
    pl.seed_everything(1, verbose=False)
    data = build_data(config)
    task = build_task(config, data.artifacts())
    trainer = build_trainer(
        config, RunFolder(folder), AtomicCheckpointIO({}), None, SingleNodeEnvironment(rank())
    )
    trainer.callbacks.append(losses := Losses())
    trainer.fit(task, datamodule=data)
    weights = {name: value.clone() for name, value in task.state_dict().items()}
    metrics = dict(trainer.callback_metrics)
    trainer.test(task, datamodule=data, verbose=False)
    metrics |= trainer.callback_metrics
    return {
        "losses": losses.seen,
        "weights": {name: value.tolist() for name, value in weights.items()},
        "metrics": {
            name: float(value) for name, value in metrics.items() if name.startswith(("val/", "test/"))
        },
    }


@pytest.fixture
def files(tmp_path: Path, small_text: Path) -> dict[str, str]:
    """A text, two texts, and sentences with entities, whose numbers no 2 divides."""
    text = small_text.read_text()
    (tmp_path / "texts").mkdir()
    for name, part in (("a.txt", text[:999]), ("b.txt", text[2000:4001])):
        (tmp_path / "texts" / name).write_text(part)
    tokens = text[:6000].split()
    sentences = [tokens[place : place + 1 + place % 5] for place in range(0, 300, 3)]
    rows = [
        "\n".join(f"{word} {'B-X' if word < 'd' else 'O'}" for word in sentence) for sentence in sentences
    ]
    (tmp_path / "tags.conll").write_text("\n\n".join(rows) + "\n")
    (tmp_path / "short.txt").write_text(text[:1801])
    draws = random.Random(1)
    pieces = [[draws.sample(range(40, 80), 3) for _ in range(length)] for length in range(7, 16)]
    (tmp_path / "pieces.json").write_text(
        json.dumps({"train": pieces[:5], "valid": pieces[5:8], "test": pieces[8:]})
    )
    return {
        "texts": str(tmp_path / "texts"),
        "text": str(tmp_path / "short.txt"),
        "tags": str(tmp_path / "tags.conll"),
        "pieces": str(tmp_path / "pieces.json"),
    }


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case in SLOW else ()) for case in CASES]
)
def test_two_processes_are_one(
    case: str,
    configuration: Callable[..., dict[str, Any]],
    files: dict[str, str],
    in_processes: Callable[..., list[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))
    overrides = [override.format(**files) for override in CASES[case]]
    if "engine=fused" not in overrides:
        overrides.append("engine=reference")  # nothing to compile in each process
    own_data = {f"task={name}" for name in ("forecasting", "classification", "handwriting", "transcription")}
    reads_files = not own_data & {*overrides}
    if reads_files and not any(one.startswith("data.path=") for one in overrides):
        overrides.append(f"data.path={files['tags' if 'task=tagging' in overrides else 'text']}")
    folders = [tmp_path / name / "checkpoints" for name in ("alone", "together")]
    for folder in folders:
        folder.mkdir(parents=True)
    alone = train(configuration(*overrides), folders[0].parent)
    both = in_processes(train, configuration(*overrides, "trainer=ddp"), folders[1].parent)
    assert json.dumps(both[0]) == json.dumps(both[1]), "the ranks differ"
    together = both[0]
    assert len(alone["losses"]) == len(together["losses"]) > 0
    for (loss, tokens), (expected, counted) in zip(together["losses"], alone["losses"], strict=True):
        assert (loss, tokens) == (pytest.approx(expected, abs=1e-5), counted)
    assert together["weights"].keys() == alone["weights"].keys()
    for name, value in alone["weights"].items():
        torch.testing.assert_close(
            torch.tensor(together["weights"][name]), torch.tensor(value), rtol=1e-5, atol=1e-5, msg=name
        )
    assert together["metrics"].keys() == alone["metrics"].keys()
    for name, value in alone["metrics"].items():
        assert together["metrics"][name] == pytest.approx(value, rel=1e-4, abs=1e-5, nan_ok=True), name
