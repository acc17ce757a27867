"""A tagger of frames learns, measures the same however it is batched, draws and predicts."""

import argparse
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.optim import AdamW

from throughtime.cell.gru import GRU
from throughtime.data.frames.batches import FrameBatches
from throughtime.data.frames.data import FramesData
from throughtime.decode.viterbi import viterbi
from throughtime.engine.auto import Auto
from throughtime.errors import UserError
from throughtime.head.crf import CRF
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.words import WordFeatures
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.task.tagging.frames import FrameMetrics, plot_timelines, tag_frames
from throughtime.task.tagging.task import Tagging


@pytest.fixture
def data(tmp_path):
    """Two tags that follow from the frames before: whether the last impulse was up or down."""
    generator = np.random.default_rng(0)
    for number in range(3):
        impulses = generator.choice([0, 0, 0, 0, 0, 0, 1, -1], 120)
        impulses[0], state, rows = 1, 0, []
        for impulse in impulses:
            state = impulse or state
            rows.append(f"{impulse},{impulse * impulse},{'up' if state > 0 else 'down'}\n")
        (tmp_path / f"{number}.csv").write_text("x,y,tag\n" + "".join(rows))
    found = FramesData(
        str(tmp_path), folds=3, split=[0.8, 0.2, 0], piece=40, batch_size=4, standardise="none"
    )
    found.setup()
    return found


def tagger(data, head=Softmax, layers=Bidirectional, **options):
    torch.manual_seed(0)
    artifacts = data.artifacts()
    model = SequenceModel(
        front=WordFeatures,
        layers=layers,
        cell=partial(GRU, hidden_size=8),
        engine=Auto(),
        **artifacts["input_sizes"],
    )
    head = head(input_size=model.output_size, **artifacts["output_sizes"])
    return Tagging(model, head, None, artifacts, **options)


def measured(task, batches):
    task.eval()
    with torch.no_grad():
        for batch in batches:
            task.chunk_loss("test", batch)
    return task.metrics("test", 0.0)


@pytest.mark.parametrize("head", [Softmax, CRF])
def test_it_learns_what_no_frame_shows_alone(data, head):
    task = tagger(data, head)
    optimizer = AdamW(task.parameters(), lr=0.03)
    for _ in range(15):
        for batch in data.loader("train"):
            optimizer.zero_grad()
            task.chunk_loss("train", batch)[0].backward()
            optimizer.step()
    values = measured(task, data.loader("test"))
    assert values["macro_f1"] > 0.95 and values["f1_50"] > 0.9
    table = task.units.summary(
        "test", task.measured["test"], SimpleNamespace(trainer=SimpleNamespace(datamodule=data))
    ).splitlines()
    own, linear = (float(line.split("%")[0].split()[-1]) for line in table[1:])
    assert own > 95 > 85 > linear


def test_no_metric_depends_on_the_batch_size(data):
    task = tagger(data)
    values = []
    for size in (1, 2):
        data.eval_batch_size = size
        values.append(measured(task, [*data.loader("val"), *data.loader("test")]))
    assert values[0] == pytest.approx(values[1])


def test_macro_f1_decides_and_metrics_of_words_do_not(data):
    assert tagger(data).monitor == "val/macro_f1"
    assert tagger(data, monitor="val/edit").mode == "max"
    with pytest.raises(UserError, match="monitor=val/f1 is not known"):
        tagger(data, monitor="val/f1")


def test_the_timeline_shows_true_and_predicted_tags_of_each_recording(data):
    task = tagger(data)
    measured(task, data.loader("test"))
    figure = task.measured["test"].figures()["timeline"]
    (image,) = figure.axes[0].get_images()
    ((predicted, _),) = tag_frames(task, data.part("test").features)
    np.testing.assert_array_equal(image.get_array(), np.stack([data.part("test").targets[0], predicted]))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["down", "up"]
    assert len(plot_timelines([([0, 1], [1, 1])] * 3, ["x", "y"]).axes) == 3


@pytest.mark.parametrize("tagged", [False, True])
def test_prediction_writes_a_row_a_frame(data, tagged, tmp_path, capsys):
    task = tagger(data).eval()
    file = tmp_path / "new.csv"
    rows = [line.split(",") for line in (tmp_path / "0.csv").read_text().split()[1:21]]
    head = ["x", "y", "tag"] if tagged else ["x", "y"]
    file.write_text("\n".join(",".join(row[: len(head)]) for row in [head, *rows]) + "\n")
    task.predict(argparse.Namespace(input=file, output=None, probabilities=True), {})
    header, *lines = capsys.readouterr().out.split()
    assert header == "frame,tag,probability" and len(lines) == 20
    ((tags, chances),) = tag_frames(task, [np.array(rows)[:, :2].astype(np.float32)])
    for number, line in enumerate(lines):
        frame, tag, chance = line.split(",")
        assert int(frame) == number + 1 and tag == ["down", "up"][tags[number]]
        assert float(chance) == pytest.approx(float(chances[number]), abs=1e-4)


def loss_and_gradients(task, batches):
    total, count = 0.0, 0
    for batch in batches:
        loss, counted = task.chunk_loss("train", batch)
        total, count = total + loss * counted, count + counted
    return total / count, count, torch.autograd.grad(total / count, list(task.parameters()))


@pytest.mark.parametrize("chunk_length", [7, 40, 500])
def test_a_causal_model_in_chunks_measures_and_predicts_as_in_one_piece(data, chunk_length):
    found = []
    for length in (None, chunk_length):
        data.chunk_length = length
        task = tagger(data, layers=Stack).eval()
        values = measured(task, [*data.loader("val"), *data.loader("test")])
        with torch.no_grad():
            losses = [task.chunk_loss("val", batch) for batch in data.loader("test")]
        loss = sum(loss * count for loss, count in losses) / sum(count for _, count in losses)
        found.append((values, loss, tag_frames(task, data.part("test").features)))
        assert len(task.measured["test"].lanes) == 3
    (values, loss, ((tags, chances),)), (other, other_loss, ((other_tags, other_chances),)) = found
    assert values == pytest.approx(other)
    torch.testing.assert_close(loss, other_loss)
    assert torch.equal(tags, other_tags)
    torch.testing.assert_close(chances, other_chances)


def test_a_horizon_over_all_chunks_gives_the_gradients_of_one_piece(data):
    data.batch_size = 3
    task = tagger(data, layers=Stack, horizon=200)
    whole, cut = (
        loss_and_gradients(task, FrameBatches(*both, 3, chunk_length=length))
        for both in [(data.part("train").features, data.part("train").targets)]
        for length in (None, 17)
    )
    torch.testing.assert_close(whole[0], cut[0])
    assert whole[1] == cut[1]
    for one, other in zip(whole[2], cut[2], strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("chunk_length", [None, 7])
def test_recordings_of_all_ranks_are_put_together_lane_by_lane(data, chunk_length):
    data.chunk_length, data.eval_batch_size = chunk_length, 3
    task = tagger(data, layers=Stack)
    batches = list(data.loader("val"))
    whole = measured(task, batches)
    together = FrameMetrics(task.units.tags)
    for rank in range(2):
        measured(task, [batch.shard(rank, 2) for batch in batches])
        part = task.measured["test"]
        together.confusion = together.confusion + part.confusion
        together._lanes += part.lanes
    assert together.values() == pytest.approx(whole)


def test_chunks_need_a_causal_model_of_independent_tags(data):
    data.chunk_length = 7
    with pytest.raises(UserError, match=r"data\.chunk_length cuts recordings, and a bidirectional model"):
        tagger(data)
    with pytest.raises(UserError, match=r"head=crf scores the whole chain"):
        tagger(data, head=CRF, layers=Stack)
    data.chunk_length = None
    with pytest.raises(UserError, match=r"task\.horizon is for sequences in chunks"):
        tagger(data, horizon=200)


@pytest.mark.parametrize("standardise", ["channel", "sequence", "none"])
@pytest.mark.parametrize(
    ("head", "layers"), [(Softmax, Stack), (Softmax, Bidirectional), (CRF, Bidirectional)]
)
def test_the_graph_tags_padded_recordings_as_they_were_read(
    tmp_path, data, assert_consistent, standardise, head, layers
):
    data = FramesData(
        str(tmp_path), folds=3, split=[0.8, 0.2, 0], standardise=standardise, lags=[1], piece=None
    )
    data.setup()
    task = tagger(data, head, layers).eval()
    graph = task.export_graph()
    assert_consistent(graph)
    recordings = [
        recording.values[: 30 + 9 * number] for number, recording in enumerate(data._read()["train"])
    ]
    lengths = torch.tensor([len(values) for values in recordings])
    inputs = torch.zeros(int(lengths.max()), len(recordings), 4)
    for lane, values in enumerate(recordings):
        inputs[: len(values), lane] = torch.from_numpy(values)
    with torch.inference_mode():
        found = graph.module(inputs, lengths)
    expected = tag_frames(task, [data.standardiser(values) for values in recordings])
    for lane, (tags, chances) in enumerate(expected):
        if head is Softmax:
            own = found[: lengths[lane], lane].exp()
            assert torch.equal(own.argmax(-1), tags)
            torch.testing.assert_close(own.amax(-1), chances, atol=1e-4, rtol=1e-4)
        else:
            scores, transitions, first, last = found
            mask = torch.ones(int(lengths[lane]), 1, dtype=torch.bool)
            own = viterbi(scores[: lengths[lane], lane, None], transitions, first, last, mask)
            assert torch.equal(own[:, 0], tags)
