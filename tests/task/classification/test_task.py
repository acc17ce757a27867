"""Properties of classifiers: padding, batches, chunks, prefixes and shards change no number."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from toy_sequences import toy_set

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.data.batch import Batch, Chunk
from throughtime.engine.auto import Auto
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.recompute import segments
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.head.sigmoid import Sigmoid
from throughtime.head.softmax import Softmax
from throughtime.model.pooling.attention import Attention
from throughtime.model.pooling.last import Last
from throughtime.model.pooling.max import Max
from throughtime.model.pooling.mean import Mean
from throughtime.task.base import Task
from throughtime.task.classification.task import Classification, mixed
from throughtime.task.tbptt import TruncatedBPTT

POOLINGS = (Last, Mean, Max, Attention, None)


def double(batch: Batch) -> Batch:
    inputs = batch.inputs.double() if batch.inputs.is_floating_point() else batch.inputs
    return batch._replace(chunk=batch.chunk._replace(inputs=inputs))


def batches_of(task, split="test", **settings):
    data = task.data
    for name, value in settings.items():
        setattr(data, name, value)
    return [double(batch) for batch in data._loader(split, data.eval_batch_size)]


def losses(task, batches):
    """The sum of the losses, the count, and the gradients of all weights."""
    task.carried["train"] = TruncatedBPTT(task.carried["train"].horizon)
    total, count = torch.zeros((), dtype=torch.float64), 0
    for batch in batches:
        loss, counted = task.chunk_loss("train", batch)
        total, count = total + loss * counted, count + counted
    return (
        total / count,
        count,
        torch.autograd.grad(total / count, list(task.parameters()), allow_unused=True),
    )


def assert_same(one, other):
    torch.testing.assert_close(one[0], other[0])
    assert one[1] == other[1]
    for first, second in zip(one[2], other[2], strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("filling", [1e3, torch.nan])
def test_padding_changes_neither_loss_nor_gradient(make, pooling, bidirectional, filling):
    if pooling is None and filling != filling:
        pytest.skip("without pooling a model reads padding as it is")
    task = make(pooling=pooling, bidirectional=bidirectional)
    (batch,) = batches_of(task)
    padded = batch.inputs.clone()
    for lane, length in enumerate(batch.lengths.tolist()):
        padded[length:, lane] = filling
    more = torch.cat((padded, torch.full_like(padded[:3], filling)))
    assert_same(
        losses(task, [batch]),
        losses(task, [batch._replace(chunk=batch.chunk._replace(inputs=more))]),
    )


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_loss_does_not_depend_on_the_batch_size(make, pooling, bidirectional):
    task = make(pooling=pooling, bidirectional=bidirectional)
    whole = losses(task, batches_of(task, eval_batch_size=100))
    for size in (1, 5):
        assert_same(whole, losses(task, batches_of(task, eval_batch_size=size)))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("chunk_length", [1, 4])
def test_chunks_with_a_horizon_that_covers_all_give_the_loss_and_gradients_of_the_whole(
    make, pooling, chunk_length
):
    task = make(pooling=pooling, horizon=100)
    whole = losses(task, batches_of(task))
    cut = losses(task, batches_of(task, chunk_length=chunk_length))
    assert_same(whole, cut)
    short = make(pooling=pooling)  # the gradient ends at a chunk's beginning; the loss is the same
    found = losses(short, batches_of(short, chunk_length=chunk_length))
    torch.testing.assert_close(found[0], whole[0])


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", [GRU, LSTM, Elman])
def test_running_probabilities_are_those_of_the_sequence_cut_at_each_step(make, pooling, cell):
    task = make(pooling=pooling, cell=partial(cell, hidden_size=4)).float()
    sequence = max(task.data.part("test").sequences, key=len)
    running = task.running_probabilities(sequence)
    cut = task.probabilities([sequence[: step + 1] for step in range(len(sequence))])
    torch.testing.assert_close(running, cut)
    torch.testing.assert_close(running.sum(-1), torch.ones(len(sequence)))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_one_step_after_another_gives_the_running_probabilities(make, pooling):
    task = make(pooling=pooling).float()
    sequence = max(task.data.part("test").sequences, key=len)
    state, found = task.model.initial_state(1), []
    with torch.inference_mode():
        for step in torch.from_numpy(task.standardiser(sequence)):
            features, state = task.model.step(step[None], state)
            found.append(task.head.predict(features)[0].exp())
    torch.testing.assert_close(torch.stack(found), task.running_probabilities(sequence))


@pytest.mark.parametrize("engine", [Auto(), BackpropagationThroughTime()])
@pytest.mark.parametrize("pooling", [Mean, Attention])
def test_every_engine_gives_the_same_loss(make, engine, pooling):
    expected, task = make(pooling=pooling), make(pooling=pooling, engine=engine)
    assert_same(losses(expected, batches_of(expected)), losses(task, batches_of(task)))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_recomputed_segments_give_the_same_loss(make, pooling, monkeypatch):
    monkeypatch.setattr("throughtime.task.tbptt.segments", lambda steps, cuts: segments(steps, (*cuts, 2)))
    expected, task = make(pooling=pooling), make(pooling=pooling)
    engine = Reference()
    engine.recompute = True
    task.model.layers.engine = engine
    assert task._in_segments(batches_of(task)[0])
    assert_same(losses(expected, batches_of(expected)), losses(task, batches_of(task)))


def measured(task, batches):
    for batch in batches:
        with torch.no_grad():
            task.chunk_loss("val", batch)
    return task.metrics("val", 0.0)


MULTILABEL = {"labels": [("a",), ("a", "b"), (), ("b", "c")] * 15}


@pytest.mark.parametrize("changes", [{}, MULTILABEL])
@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_metrics_and_losses_are_those_of_all_shards_together(make, changes, ranks):
    task = make(toy_set(**changes), pooling=Mean)
    batches = batches_of(task, eval_batch_size=5)
    whole = measured(task, batches)
    together, total, count = task._new_metrics(), 0.0, 0
    for rank in range(ranks):
        with torch.no_grad():
            for batch in batches:
                loss, counted = task.chunk_loss("val", batch.shard(rank, ranks))
                total, count = total + float(loss) * counted, count + counted
        part = task._unfinished["val"]
        together.update(part.probabilities, part.targets)
        task._unfinished["val"] = task._new_metrics()
    assert together.values() == pytest.approx(whole, abs=1e-12)
    expected, counted, _ = losses(task, batches)
    assert (total / count, count) == (pytest.approx(expected.item()), counted)


@pytest.mark.parametrize("changes", [{}, MULTILABEL])
@pytest.mark.parametrize("chunk_length", [None, 3])
def test_no_metric_depends_on_the_batch_size(make, changes, chunk_length):
    task = make(toy_set(**changes), pooling=Attention)
    whole = measured(task, batches_of(task, eval_batch_size=100, chunk_length=chunk_length))
    for size in (1, 7):
        found = measured(task, batches_of(task, eval_batch_size=size, chunk_length=chunk_length))
        assert found == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("chunk_length", [None, 2])
def test_predictions_come_in_the_order_of_the_sequences(make, chunk_length):
    task = make(pooling=Mean, chunk_length=chunk_length).float()
    sequences = task.data.part("train").sequences
    together = task.probabilities(sequences)
    alone = torch.cat([task.probabilities([sequence]) for sequence in sequences])
    torch.testing.assert_close(together, alone)


def test_ids_are_classified_too(make):
    generator = np.random.default_rng(0)
    ids = [generator.integers(0, 4, generator.integers(1, 9)) for _ in range(60)]
    task = make(toy_set(sequences=ids, channels=(), symbols=tuple("ACGT")), pooling=Max)
    batch = batches_of(task)[0]
    padded = batch.inputs.clone()
    for lane, length in enumerate(batch.lengths.tolist()):
        padded[length:, lane] = 99  # no id that the embedding has
    assert_same(
        losses(task, [batch]),
        losses(task, [batch._replace(chunk=batch.chunk._replace(inputs=padded))]),
    )
    assert task.symbol_axes()["model.front.layer.weight"][0].symbols == list("ACGT")


def test_classes_are_the_symbols_of_the_output_layer(make):
    task = make()
    assert task.symbol_axes()["head.weight"][0].symbols == ["c0", "c1", "c2"]
    assert all(len(axes[0].symbols) == 3 for axes in task.symbol_axes().values())


def test_the_monitor_follows_the_kind_of_labels(make):
    assert (make().monitor, make().mode) == ("val/accuracy", "max")
    assert make(toy_set(**MULTILABEL)).monitor == "val/macro_f1"


def test_what_does_not_fit_together_is_refused(make):
    task, several = make(), make(toy_set(**MULTILABEL))
    for head, artifacts, message in (
        (Sigmoid(4, 3), task.artifacts, "needs head=softmax"),
        (Softmax(4, 3), several.artifacts, "needs head=sigmoid"),
    ):
        with pytest.raises(UserError, match=message):
            Classification(task.model, head, None, artifacts)
    with pytest.raises(UserError, match="val/f1"):
        Classification(task.model, task.head, None, task.artifacts, monitor="val/f1")
    with pytest.raises(UserError, match=r"data\.chunk_length cuts sequences"):
        make(bidirectional=True, chunk_length=3)
    with pytest.raises(UserError, match=r"task\.horizon is for sequences in chunks"):
        make(bidirectional=True, horizon=12)
    with pytest.raises(UserError, match="bidirectional model reads a sequence to its end"):
        make(bidirectional=True).running_probabilities(np.zeros((3, 2), np.float32))


def test_the_head_reads_what_the_base_class_gives_it():
    assert Classification.head_features is Task.head_features


def test_a_stage_of_first_chunks_alone_has_a_metric_that_is_not_known(make):
    task = make(chunk_length=1)
    assert math.isnan(task.metrics("val", math.nan)["accuracy"])


def test_several_tasks_are_measured_alike_whatever_the_batch_size(several_tasks):
    """A batch has one task, so that other sizes give other batches of other tasks."""
    task, found = several_tasks, []
    for size in (2, 50):
        task.data.eval_batch_size = size
        for batch in task.data.loader("test"):
            task.update_metrics(
                "test", batch, task.head_features(batch, TruncatedBPTT().run(task.model, batch.chunk))
            )
        found.append(task.metrics("test", 0.0))
    assert found[0] == pytest.approx(found[1])
    assert found[0]["accuracy"] == pytest.approx(
        (found[0]["films/accuracy"] + found[0]["moods/accuracy"]) / 2
    )


def test_a_text_has_probabilities_of_the_classes_of_its_own_task(several_tasks):
    part = several_tasks.data.part("test")
    probabilities = several_tasks.probabilities(part.sequences)
    for row, label in zip(probabilities, part.labels, strict=True):
        own = slice(0, 2) if label.startswith("films/") else slice(2, 5)
        assert row[own].sum() == pytest.approx(1) and row.sum() == pytest.approx(1)


def test_weights_of_symbols_are_found_again_by_their_task(several_tasks):
    axes, weights = several_tasks.symbol_axes(), several_tasks.state_dict()
    for name in ("model.front.shared.weight", "model.front.own.weight", "head.weight"):
        (axis,) = axes[name]
        assert len(axis.symbols) == len(weights[name]) == len(set(axis.symbols))


def test_the_monitor_may_be_that_of_one_task(several_tasks):
    task = several_tasks
    assert (
        Classification(task.model, task.head, None, task.artifacts, monitor="val/moods/macro_f1").mode
        == "max"
    )
    with pytest.raises(UserError, match="val/songs/accuracy is not known"):
        Classification(task.model, task.head, None, task.artifacts, monitor="val/songs/accuracy")


def test_a_mixture_is_the_weighted_sum_of_whole_sequences_and_0_after_their_ends():
    inputs = torch.randn(5, 3, 2)
    inputs[4:, 0], inputs[2:, 2] = torch.nan, torch.nan
    lengths = torch.tensor([4, 5, 2])
    found = mixed(Chunk(inputs, lengths), torch.tensor([2, 0, 1]), 0.75)
    assert found.lengths.tolist() == [4, 5, 5]
    torch.testing.assert_close(found.inputs[:2, 0], 0.75 * inputs[:2, 0] + 0.25 * inputs[:2, 2])
    torch.testing.assert_close(found.inputs[2:4, 0], 0.75 * inputs[2:4, 0])
    torch.testing.assert_close(found.inputs[2:, 2], 0.25 * inputs[2:, 1])
    assert mixed(Chunk(inputs), torch.tensor([2, 0, 1]), 1.0).lengths is None


@pytest.mark.parametrize("several", [False, True])
def test_the_loss_of_mixtures_is_that_of_both_targets_in_their_shares(make, monkeypatch, several):
    sequences = [*np.random.default_rng(0).normal(size=(60, 5, 2)).astype(np.float32)]
    labels = [("a",), ("a", "b"), ()] * 20 if several else toy_set().labels
    task = make(toy_set(sequences=sequences, labels=labels), pooling=Mean, bidirectional=True)
    (batch,) = batches_of(task)
    plain = losses(task, [batch])
    task.mixup = 0.5
    monkeypatch.setattr(torch.distributions.Beta, "sample", lambda self: torch.tensor(1.0))
    assert_same(losses(task, [batch]), plain)  # all of one of the two
    monkeypatch.setattr(torch.distributions.Beta, "sample", lambda self: torch.tensor(0.25))
    torch.manual_seed(3)
    found = losses(task, [batch])[0]
    torch.manual_seed(3)
    order = torch.randperm(len(batch.targets))
    inputs = 0.25 * batch.inputs + 0.75 * batch.inputs[:, order]
    predicted = task.head.predict(task.model.whole(inputs, torch.full((len(order),), len(inputs))))
    own, others = (
        torch.nn.functional.binary_cross_entropy(predicted.exp(), targets.double())
        if several
        else torch.nn.functional.nll_loss(predicted, targets)
        for targets in (batch.targets, batch.targets[order])
    )
    torch.testing.assert_close(found, 0.25 * own + 0.75 * others)


def test_mixtures_are_of_the_features_of_whole_sequences(make):
    with pytest.raises(UserError, match=r"task\.mixup=-1 must be from 0"):
        make(mixup=-1)
    with pytest.raises(UserError, match=r"set task\.mixup=0 for ids"):
        make(mixup=0.3, chunk_length=2)
