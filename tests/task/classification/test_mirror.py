"""A strand and its reverse complement are one gene: evaluation and prediction say the same of both."""

import numpy as np
import pytest
import torch

from throughtime.data.labelled.batches import LabelledBatches
from throughtime.data.labelled.code_points import code_points
from throughtime.data.labelled.sequences import SequenceSet
from throughtime.data.labelled.standardise import Standardiser
from throughtime.data.symbols.symbol_files import SymbolFiles
from throughtime.errors import UserError
from throughtime.model.pooling.mean import Mean
from throughtime.task.classification.mirror import Mirror

SETTINGS = ({}, {"letters": "masks"}, {"letters": "masks", "window": 3})


def genes(count=60, seed=0):
    generator = np.random.default_rng(seed)
    strings = ["".join(generator.choice(list("ACGTN"), generator.integers(1, 12))) for _ in range(count)]
    return SequenceSet(
        sequences=[code_points(string) for string in strings],
        labels=[f"c{number % 3}" for number in range(count)],
        names=[f"file:{number + 1}" for number in range(count)],
        description="genes",
    )


class Genes(SymbolFiles):
    """Random genes in place of files."""

    def shipped(self):
        return genes()


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", ["channel", "sequence", "none"])
def test_a_batch_is_turned_as_each_of_its_strands(settings, kind):
    source = SymbolFiles(both_strands=True, alphabet="ACGTN", **settings)
    strands = source.encoded(genes(), ()).sequences
    others = [source.reverse_complement(strand) for strand in strands]
    standardiser = Standardiser.fit(kind, strands)
    mirror = Mirror(source.mirror(), standardiser)
    given, expected = (
        LabelledBatches(one, None, standardiser, 60, shuffle=False).batch(np.arange(60))
        for one in (strands, others)
    )
    found = mirror.batch(given)
    twice = mirror.batch(found)
    for lane, length in enumerate(given.lengths.tolist()):
        torch.testing.assert_close(
            found.inputs[:length, lane], expected.inputs[:length, lane], atol=1e-4, rtol=1e-4
        )
        torch.testing.assert_close(
            twice.inputs[:length, lane], given.inputs[:length, lane], atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_both_strands_of_a_gene_have_the_same_probabilities(make, settings, bidirectional):
    source = Genes(both_strands=True, alphabet="ACGTN", **settings)
    task = make(source=source, bidirectional=bidirectional, pooling=Mean).float()
    strands = task.data.part("test").sequences
    others = [source.reverse_complement(strand) for strand in strands]
    found = task.probabilities(strands)
    torch.testing.assert_close(found, task.probabilities(others), atol=1e-5, rtol=1e-5)
    task.mirror = None
    expected = (task.probabilities(strands) + task.probabilities(others)) / 2
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [3, 100])
def test_the_test_measures_what_is_predicted(make, size):
    task = make(source=Genes(both_strands=True, letters="masks"), eval_batch_size=size).float()
    part = task.data.part("test")
    total, count = 0.0, 0
    for batch in task.data.loader("test"):
        with torch.no_grad():
            loss, counted = task.chunk_loss("test", batch)
        total, count = total + float(loss) * counted, count + counted
    predicted = task.probabilities(part.sequences).argmax(-1)
    right = sum(task.labels[number] == label for number, label in zip(predicted, part.labels, strict=True))
    assert task.metrics("test", 0.0)["accuracy"] == pytest.approx(right / len(part))
    mirror, task.mirror = task.mirror, None
    losses = []
    for batch in task.data.loader("test"):
        for one in (batch, mirror.batch(batch)):
            with torch.no_grad():
                losses.append(float(task.chunk_loss("test", one)[0]) * len(batch.targets))
    assert total / count == pytest.approx(sum(losses) / 2 / len(part), rel=1e-5)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("standardise", ["channel", "sequence", "none"])
def test_the_exported_graph_reads_both_strands(make, assert_consistent, settings, standardise):
    source = Genes(both_strands=True, alphabet="ACGTN", **settings)
    task = make(source=source, standardise=standardise, pooling=Mean).float()
    graph = task.export_graph()
    assert_consistent(graph)
    sequences = [sequence for sequence in task.data.part("test").sequences if len(sequence) > 1]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    inputs = torch.zeros(
        (int(lengths.max()), len(sequences), *sequences[0].shape[1:]),
        dtype=torch.long if sequences[0].ndim == 1 else torch.float32,
    )
    for lane, sequence in enumerate(sequences):
        inputs[: len(sequence), lane] = torch.from_numpy(sequence)
    with torch.inference_mode():
        found = graph.module(inputs, lengths).exp()
    torch.testing.assert_close(found, task.probabilities(sequences), atol=1e-4, rtol=1e-4)


def test_strands_need_whole_sequences_of_bases(make):
    with pytest.raises(UserError, match=r"data\.source\.both_strands reads whole sequences from both ends"):
        make(source=Genes(both_strands=True), chunk_length=2)
    for settings in ({"alphabet": "MEPQ"}, {"letters": "masks", "window": 4}):
        with pytest.raises(UserError, match=r"data\.source\.both_strands needs letters of DNA or RNA"):
            SymbolFiles(both_strands=True, **settings).encoded(genes(), ())


def test_training_and_running_predictions_read_the_strand_that_is_given(make):
    both, one = (make(source=Genes(both_strands=value, alphabet="ACGTN")) for value in (True, False))
    batch = next(iter(both.data.loader("train")))
    assert both.chunk_loss("train", batch)[0] == one.chunk_loss("train", batch)[0]
    sequence = both.data.part("test").sequences[0]
    assert torch.equal(both.running_probabilities(sequence), one.running_probabilities(sequence))
