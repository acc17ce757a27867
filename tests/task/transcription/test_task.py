"""The task of transcription: exact measures, streaming, timestamps, and sequences that cannot be aligned."""

import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from throughtime.data.transcribed.data import TranscribedPart
from throughtime.decode.ctc_path import best_path
from throughtime.errors import UserError
from throughtime.head.softmax import Softmax
from throughtime.task.transcription.task import Transcription


def measured(task, batch_size):
    """The loss and the metrics of the validation part, in batches of a size."""
    task.data.eval_batch_size = batch_size
    total = count = 0
    for batch in task.data.loader("val"):
        with torch.no_grad():
            loss, counted = task.chunk_loss("val", batch)
        total, count = total + float(loss) * counted, count + counted
    return total / count, dict(task.metrics("val", total / count))


@pytest.mark.parametrize("causal", [True, False])
def test_no_measure_depends_on_the_batch_size(make, causal):
    task = make(causal)
    loss, metrics = measured(task, 1)
    other_loss, other_metrics = measured(task, 4)
    assert loss == pytest.approx(other_loss, rel=1e-5)
    assert metrics == other_metrics and metrics["cer"] > 0
    assert [one.number for one in task.measured["val"].found] == list(range(7))


def test_a_stream_gives_the_greedy_transcript_of_the_whole_when_its_frames_are_there(make):
    task = make(factor=3)
    for sequence in task.data.part("test").sequences:
        whole = task.log_probabilities([sequence])[0]
        streamed = list(task.stream(sequence))
        assert "".join(symbol for symbol, _ in streamed) == task.text(best_path(whole))
        assert len(streamed) > 1
        for symbol, step in streamed:
            assert task.symbols[whole[step].argmax() - 1] == symbol
            early = sequence[: (step + 1) * 3]
            assert "".join(one for one, _ in task.stream(early)).endswith(symbol)


def test_a_stream_needs_a_causal_model_and_a_standardisation_that_is_known(make):
    with pytest.raises(UserError, match="a bidirectional model reads a sequence to its end"):
        next(make(causal=False).stream(np.zeros((4, 3), np.float32)))
    with pytest.raises(UserError, match="standardise=sequence"):
        next(make(standardise="sequence").stream(np.zeros((4, 3), np.float32)))


def test_the_time_of_a_symbol_lies_in_its_peak(make):
    task = make(factor=3)
    sequences = task.data.part("test").sequences
    for own in task.log_probabilities(sequences):
        found = task.transcript(own)
        assert len(found.spans) == len(found.text) > 0
        for span, symbol in zip(found.spans, found.text, strict=True):
            column = own[span.start : span.stop, task.symbols.index(symbol) + 1]
            assert span.start <= span.peak < span.stop and own[span.peak].argmax() - 1 == task.symbols.index(
                symbol
            )
            assert column.max() == column[span.peak - span.start]
            assert span.peak * 3 < task.time_of(span.peak) < span.peak * 3 + 3
        assert [span.start for span in found.spans] == sorted(span.start for span in found.spans)


def test_a_batch_gives_what_each_sequence_gives(make):
    task = make(causal=False)
    sequences = task.data.part("test").sequences
    for one, own in zip(sequences, task.log_probabilities(sequences), strict=True):
        np.testing.assert_allclose(task.log_probabilities([one])[0], own, atol=2e-4)
        assert math.isclose(np.logaddexp.reduce(own[0]), 0, abs_tol=1e-4)


def test_a_sequence_without_an_alignment_is_measured_and_left_out_of_the_loss(make, caplog):
    task = make(factor=2)
    batch = next(iter(task.data.loader("train")))
    whole, count = task.chunk_loss("train", batch)
    shortened = batch.chunk._replace(lengths=batch.lengths.clone())
    shortened.lengths[0] = 2  # one step
    assert int(batch.targets.counts[0]) > 1
    with caplog.at_level(logging.WARNING):
        loss, fewer = task.chunk_loss("train", batch._replace(chunk=shortened))
    assert loss.isfinite() and fewer == count - int(batch.targets.counts[0]) and task.left_out == 1
    assert "fewer steps than its transcript needs" in caplog.text and whole.isfinite()
    task.chunk_loss("val", batch._replace(chunk=shortened))
    assert task.metrics("val", 0.0)["left_out"] == 1


def test_sequences_of_files_without_an_alignment_are_named(make, caplog):
    task = make(factor=2)
    sequences = [np.zeros((length, 3), np.float32) for length in (6, 7, 4)]
    part = TranscribedPart(sequences, ["abb", "abb", "abb"], ["one.wav", "two.wav", "three.wav"])
    task._trainer = SimpleNamespace(
        datamodule=SimpleNamespace(
            part=lambda split: part if split == "val" else TranscribedPart([], [], [])
        ),
        is_global_zero=True,
    )
    with caplog.at_level(logging.WARNING):
        Transcription.setup(task, "validate")
        assert not caplog.records
        task.take_pretrained = task._trainer.datamodule.pretrained = lambda *_: {}
        task.setup("fit")
    (record,) = caplog.records
    assert record.getMessage().startswith("2 of 3 sequences of the val part have fewer steps")
    assert "one.wav (3 steps, 4 needed), three.wav (2 steps, 4 needed);" in record.getMessage()


def test_the_beam_of_the_task_is_used_in_validation(make):
    greedy, beam = make(), make(beam=6)
    measured(greedy, 7), measured(beam, 7)
    texts = [[one.predicted for one in task.measured["val"].found] for task in (greedy, beam)]
    assert texts[0] != texts[1]


def test_other_heads_monitors_and_models_are_refused(make):
    task = make()
    with pytest.raises(UserError, match="head=ctc"):
        Transcription(task.model, Softmax(8, 3), None, task.artifacts)
    with pytest.raises(UserError, match=r"task\.monitor=val/f1 is not known"):
        make(monitor="val/f1")
    with pytest.raises(UserError, match="model=transcriber"):
        Transcription(torch.nn.Identity(), task.head, None, task.artifacts)
    with pytest.raises(UserError, match=r"task\.beam=-1"):
        make(beam=-1)
    assert make(monitor="val/sentence_accuracy").mode == "max" and make(monitor="val/wer").mode == "min"


def test_the_axes_of_the_head_are_the_blank_and_the_symbols(make):
    task = make()
    (axis,) = task.symbol_axes()["head.weight"]
    assert list(axis.symbols) == ["<blank>", *task.symbols] and len(task.head.weight) == len(axis.symbols)
