"""A measured loss is a mean over tokens however the data are cut, and watching a run does not change it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger
from torch.nn import functional
from torch.utils.data import DataLoader

from throughtime.cell.gru import GRU
from throughtime.config.registry import locate
from throughtime.data.batch import Batch, Chunk
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.errors import UserError
from throughtime.head.base import Head
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.optim.optimization import Optimization
from throughtime.regulariser.base import Regulariser
from throughtime.task.base import Task, TaskPart, check_horizon
from throughtime.task.forecasting.backtest import Backtest

Chunks = Callable[..., list[Batch]]


class Copying(Task):
    """Says again what it reads."""

    name: ClassVar[str] = "copying"
    kind: ClassVar[str] = "ids"
    monitor: ClassVar[str] = "val/loss"


@pytest.fixture
def task(model: SequenceModel) -> Copying:
    head = Softmax(model.output_size, 7, dropout=0.3).double()
    return Copying(model, head, Optimization(partial(torch.optim.SGD, lr=0.1)))


def loader(batches: list[Batch]) -> DataLoader:
    return DataLoader(batches, batch_size=None)


def trainer(folder: Path, *callbacks: Callback, **arguments: Any) -> pl.Trainer:
    settings: dict[str, Any] = {"max_epochs": 1, "log_every_n_steps": 1, "logger": False}
    return pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **settings | arguments,
    )


def measured(task: Task, batches: list[Batch], folder: Path) -> float:
    """The loss that validation and test agree on."""
    (validated,) = trainer(folder).validate(task, loader(batches), verbose=False)
    (tested,) = trainer(folder).test(task, loader(batches), verbose=False)
    assert validated["val/loss"] == tested["test/loss"]
    return validated["val/loss"]


def lanes(batch: Batch, each: int) -> list[Batch]:
    """The lanes of a whole sequence as batches of `each` lanes."""
    parts = batch.inputs.split(each, dim=1)
    return [Batch(Chunk(part.contiguous()), part.contiguous()) for part in parts]


def test_the_loss_does_not_depend_on_chunks_or_on_the_batch_size(
    task: Copying, chunks: Chunks, tmp_path: Path
) -> None:
    whole = chunks(23)[0]
    features, _ = task.model(whole.inputs, task.model.initial_state(3), None, None)
    logits = task.head.eval().predict(features)
    expected = functional.cross_entropy(logits.flatten(0, 1), whole.targets.flatten()).item()
    for batches in (chunks(23), chunks(5), chunks(1), lanes(whole, 1), lanes(whole, 2)):
        assert measured(task, batches, tmp_path) == pytest.approx(expected, rel=1e-6)


def test_padded_steps_do_not_count(task: Copying, chunks: Chunks, tmp_path: Path) -> None:
    inputs = chunks(23)[0].inputs
    lengths = torch.tensor([23, 4, 11])
    padded = Batch(Chunk(inputs, lengths), inputs)
    alone = [
        Batch(Chunk(inputs[:length, lane : lane + 1]), inputs[:length, lane : lane + 1])
        for lane, length in enumerate(lengths.tolist())
    ]
    assert measured(task, [padded], tmp_path) == pytest.approx(measured(task, alone, tmp_path), rel=1e-6)


class Watch(Callback):
    """The loss and the count of every chunk, the norms, and the carried states seen at validations."""

    def __init__(self) -> None:
        self.losses: list[tuple[float, int]] = []
        self.carried: list[tuple[bool, bool]] = []
        self.before: Any = None

    def on_train_batch_end(
        self, trainer: Any, pl_module: Task, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.losses.append((float(outputs["loss"]), batch.targets.numel()))

    def on_validation_start(self, trainer: Any, pl_module: Task) -> None:
        self.before = pl_module.carried["train"].state_dict()

    def on_validation_end(self, trainer: Any, pl_module: Task) -> None:
        after = pl_module.carried["train"].state_dict()
        same = bool(self.before) == bool(after) and all(
            torch.equal(a, b)
            for one, other in zip(self.before.get("state", ()), after.get("state", ()), strict=True)
            for a, b in zip(one, other, strict=True)
        )
        self.carried.append((same, not pl_module.carried["val"].state_dict()))


def test_validation_leaves_the_carried_state_of_training_alone_and_none_of_its_own(
    task: Copying, chunks: Chunks, tmp_path: Path
) -> None:
    watch = Watch()
    trainer(tmp_path, watch, val_check_interval=2).fit(task, loader(chunks(5)), loader(chunks(7)))
    assert len(watch.carried) >= 3 and set(watch.carried) == {(True, True)}


def rows(folder: Path) -> list[dict[str, str]]:
    (file,) = folder.rglob("metrics.csv")
    header, *lines = file.read_text().splitlines()
    return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]


@pytest.mark.parametrize("watching", [0, 1, 2])
def test_the_sanity_check_leaves_no_trace(
    task: Copying, chunks: Chunks, tmp_path: Path, watching: int
) -> None:
    """Dropout draws random numbers at each step, so that one more or less would change the weights."""
    start = {name: tensor.clone() for name, tensor in task.state_dict().items()}
    ends = []
    for steps in (0, watching):
        task.load_state_dict(start)
        for carried in task.carried.values():
            carried.forget()
        torch.manual_seed(3)
        folder = tmp_path / f"{len(ends)}"
        logger = CSVLogger(folder, name="", version="")
        trainer(folder, logger=logger, num_sanity_val_steps=steps, val_check_interval=2).fit(
            task, loader(chunks(5)), loader(chunks(7))
        )
        state = {name: tensor.clone() for name, tensor in task.state_dict().items()}
        ends.append((state, torch.get_rng_state(), task.carried["train"].state_dict(), rows(folder)))
    (one, random, carried, logged), (other, other_random, other_carried, other_logged) = ends
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(random, other_random)
    torch.testing.assert_close(carried, other_carried, rtol=0, atol=0)
    assert logged == other_logged


def test_the_training_loss_is_the_mean_over_tokens_since_it_was_last_logged(
    task: Copying, chunks: Chunks, tmp_path: Path
) -> None:
    """Chunks of 7, 7, 7 and 2 steps: the last one counts for what it holds."""
    watch = Watch()
    logger = CSVLogger(tmp_path, name="", version="")
    trainer(tmp_path, watch, logger=logger, log_every_n_steps=2).fit(task, loader(chunks(7)))
    logged = [(int(row["step"]), float(row["train/loss"])) for row in rows(tmp_path)]
    means = [
        sum(loss * count for loss, count in pair) / sum(count for _, count in pair)
        for pair in (watch.losses[:2], watch.losses[2:])
    ]
    assert logged == [(2, pytest.approx(means[0])), (4, pytest.approx(means[1]))]
    assert task.targets_seen == 23 * 3


class SquaredOutputs(Regulariser):
    """The mean square of the outputs of all runs."""

    def penalty(self, runs, loss):
        self.runs = runs
        return sum(run.outputs.square().mean() for run in runs)


def test_a_regulariser_is_added_to_the_gradient_and_logged_apart_from_the_loss(
    task: Copying, chunks: Chunks, tmp_path: Path
) -> None:
    """At steps 2 and 4 of 4; the training loss is that of the targets alone."""
    start = {name: tensor.clone() for name, tensor in task.state_dict().items()}
    ends, watches, folders = [], [], [tmp_path / "with", tmp_path / "without"]
    for folder, regulariser in zip(folders, (SquaredOutputs(0.5, every_n_steps=2), None), strict=True):
        task.load_state_dict(start)
        task.regulariser = regulariser
        task.carried["train"].forget()
        torch.manual_seed(3)
        watches.append(Watch())
        logger = CSVLogger(folder, name="", version="")
        trainer(folder, watches[-1], logger=logger).fit(task, loader(chunks(7)))
        ends.append(task.model.layers.cells[0].weight_recurrent.detach().clone())
        if regulariser is not None:
            assert len(regulariser.runs) == len(task.model.layers.cells)
    first, other = (rows(folder) for folder in folders)
    assert first[0]["train/loss"] == other[0]["train/loss"]
    assert [row["step"] for row in first if float(row["train/penalty"] or 0) > 0] == ["2", "4"]
    assert not torch.equal(*ends)


def test_a_horizon_below_the_chunk_or_below_1_is_refused(model: SequenceModel) -> None:
    check_horizon(None, 64)
    check_horizon(64, 64)
    with pytest.raises(UserError, match=r"task\.horizon=63 is shorter than data\.chunk_length=64"):
        check_horizon(63, 64)
    with pytest.raises(UserError, match="horizon"):
        Copying(model, Softmax(4, 7), Optimization(torch.optim.SGD), horizon=0)


def test_pretrained_rows_fill_the_parameter_where_they_are_known(task: Copying) -> None:
    before = task.model.front.weight.clone()
    rows = torch.full((7, 3), torch.nan)
    rows[2] = 1.0
    task.take_pretrained({"model.front.weight": rows})
    assert torch.equal(task.model.front.weight[2], torch.ones(3, dtype=torch.float64))
    assert torch.equal(task.model.front.weight[[0, 1, 3]], before[[0, 1, 3]])
    with pytest.raises(UserError, match=r"set model\.front\.size=5"):
        task.take_pretrained({"model.front.weight": torch.zeros(7, 5)})


LENGTHS = torch.tensor([23, 9, 16])


def labelled(stream: list[Batch], labels: torch.Tensor) -> list[Batch]:
    """A stream whose lanes are sequences of `LENGTHS`; each label counts in the chunk with its lane's last step."""
    batches, start = [], 0
    for batch in stream:
        stop = start + batch.chunk.steps
        lengths = (LENGTHS - start).clamp(0, batch.chunk.steps)
        ends = (start < LENGTHS) & (stop >= LENGTHS)
        chunk = batch.chunk._replace(lengths=lengths)
        batches.append(Batch(chunk, labels, mask=ends, lane_axis=0))
        start = stop
    return batches


def test_labels_of_sequences_do_not_depend_on_chunks(task: Copying, chunks: Chunks, tmp_path: Path) -> None:
    """The state is carried through the chunks in which no label counts."""
    labels = torch.tensor([1, 5, 2])
    inputs = chunks(23)[0].inputs
    features, _ = task.model(inputs, task.model.initial_state(3), None, None)
    logits = task.head.eval().predict(features[LENGTHS - 1, torch.arange(3)])
    expected = functional.cross_entropy(logits, labels).item()
    for length in (23, 5, 8, 1):
        batches = labelled(chunks(length), labels)
        assert sum(batch.count() for batch in batches) == 3
        assert measured(task, batches, tmp_path) == pytest.approx(expected, rel=1e-6)


def test_a_label_of_a_whole_sequence_needs_neither_lengths_nor_a_mask(
    task: Copying, chunks: Chunks, tmp_path: Path
) -> None:
    labels = torch.tensor([1, 5, 2])
    chunk = chunks(23)[0].chunk
    features, _ = task.model(chunk.inputs, task.model.initial_state(3), None, None)
    expected = functional.cross_entropy(task.head.eval().predict(features[-1]), labels).item()
    batch = Batch(chunk, labels, lane_axis=0)
    assert measured(task, [batch], tmp_path) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("horizon", [None, 30])
def test_segments_give_the_loss_and_gradient_of_labels(chunks: Chunks, horizon: int | None) -> None:
    """Recomputing segments changes no number, wherever in a chunk a sequence ends."""
    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        model = SequenceModel(
            front=partial(Embedding, size=3),
            layers=partial(Stack, depth=2),
            cell=partial(GRU, hidden_size=4),
            engine=BackpropagationThroughTime(recompute=recompute),
            vocabulary_size=7,
        ).double()
        task = Copying(model, Softmax(4, 7).double(), Optimization(torch.optim.SGD), horizon)
        batches = labelled(chunks(8), torch.tensor([1, 5, 2]))
        losses = [task.chunk_loss("train", batch)[0] for batch in batches]
        torch.stack(losses).sum().backward()
        found.append((torch.stack(losses).detach(), [weight.grad for weight in task.parameters()]))
    torch.testing.assert_close(found[1], found[0])


class Parts(NamedTuple):
    """Targets of two kinds."""

    forwards: torch.Tensor
    backwards: torch.Tensor


class TwoHeads(Head):
    """The mean of two losses, of targets that are a tree."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Softmax(4, 7), Softmax(4, 7)

    def loss(self, outputs: torch.Tensor, targets: Parts, mask: torch.Tensor | None = None) -> torch.Tensor:
        first = self.one.loss(outputs, targets.forwards, mask)
        return (first + self.other.loss(outputs, targets.backwards, mask)) / 2

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        return self.one.predict(outputs)


def test_targets_may_be_a_tree(model: SequenceModel, chunks: Chunks, tmp_path: Path) -> None:
    task = Copying(model, TwoHeads().double(), Optimization(partial(torch.optim.SGD, lr=0.1)))
    whole = [batch._replace(targets=Parts(batch.targets, 6 - batch.targets)) for batch in chunks(23)]
    cut = [batch._replace(targets=Parts(batch.targets, 6 - batch.targets)) for batch in chunks(5)]
    assert measured(task, whole, tmp_path) == pytest.approx(measured(task, cut, tmp_path), rel=1e-6)


def test_a_part_of_a_task_is_found_at_any_name_below_task() -> None:
    assert issubclass(Backtest, TaskPart)
    for key in ("task.backtest", "task.other"):
        assert locate("throughtime.task.forecasting.Backtest", key).factory is Backtest


@pytest.mark.parametrize("name", ["throughtime.task.TaskPart", "throughtime.task.forecasting.Forecasting"])
def test_neither_the_base_class_nor_a_task_is_a_part(name: str) -> None:
    with pytest.raises(UserError, match="is not a part of a task"):
        locate(name, "task.backtest")


@pytest.mark.parametrize("item", [torch.zeros(2), (torch.zeros(2), torch.zeros(2)), {}])
def test_an_item_that_is_no_batch_is_one_sentence(task: Copying, item: object) -> None:
    with pytest.raises(
        UserError, match=f"gives a {type(item).__name__} where a throughtime.data.Batch is needed"
    ):
        task.on_before_batch_transfer(item, 0)
