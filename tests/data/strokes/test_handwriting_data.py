"""Ink for generation: targets are the points after the first, and nothing of one part reaches another."""

import numpy as np
import pytest
import torch

from throughtime.data.strokes import HandwritingData, StrokeDistortions, StrokeFiles, WrittenWords
from throughtime.data.strokes.points import to_strokes
from throughtime.errors import UserError

SMALL = {"train": 40, "val": 12, "test": 12, "hands": 20, "longest": 4}


def words(**arguments):
    data = HandwritingData(WrittenWords(**SMALL), condition="text", batch_size=8, **arguments)
    data.setup()
    return data


def table(folder, rows, name="ink.csv"):
    path = folder / name
    path.write_text("id,label,x,y,pen\n" + "\n".join(rows) + "\n")
    return path


def inks(folder, labels="abababababababababab"):
    rows = []
    for number, label in enumerate(labels):
        points = np.random.default_rng(number).normal(size=(5, 2)).cumsum(0)
        rows += [f"{number},{label},{x},{y},{int(t in (2, 4))}" for t, (x, y) in enumerate(points)]
    return table(folder, rows)


def read(path, **arguments):
    data = HandwritingData(StrokeFiles(points=None, spacing=0.1), path=str(path), **arguments)
    data.setup()
    return data


def test_targets_are_the_inputs_one_step_later_and_the_last_one_ends_the_ink():
    for batch in words().loader("val"):
        inputs, targets = batch.inputs.features, batch.targets
        torch.testing.assert_close(inputs[1:][targets[:-1, :, 3] == 0], targets[:-1][targets[:-1, :, 3] == 0])
        assert (inputs[0, :, :2] == 0).all()
        for lane, length in enumerate(batch.lengths.tolist()):
            assert targets[:length, lane, 3].tolist() == [0.0] * (length - 1) + [1.0]
            assert targets[length - 1, lane, 2] == 1
            assert (targets[length:, lane] == 0).all()


def test_a_batch_draws_the_ink_that_was_written():
    data = words()
    inks = {ink.name: ink for ink in data.source.inks("test")}
    (batch,) = data.loader("test")
    sequences = torch.cat((batch.inputs.features[:1], batch.targets))
    for lane, numbers in enumerate(batch.inputs.text):
        text = "".join(data.symbols[i] for i in numbers[: batch.inputs.text_lengths[lane]])
        strokes = to_strokes(
            (
                sequences[: batch.lengths[lane] + 1, lane].double() * torch.tensor([data.scale] * 2 + [1, 1])
            ).numpy()
        )
        assert any(
            ink.facts["label"] == text
            and len(ink.strokes) == len(strokes)
            and all(
                len(a) == len(b) and np.allclose(a, b - ink.strokes[0][0], atol=1e-3)
                for a, b in zip(strokes, ink.strokes, strict=True)
            )
            for ink in inks.values()
        )


def test_offsets_of_training_have_a_root_mean_square_of_one():
    data = words()
    offsets = torch.cat([batch.targets[..., :2][batch.target_mask()] for batch in data.loader("train")])
    assert offsets.square().mean().item() == pytest.approx(1, rel=1e-4)


def test_every_point_counts_once():
    data = words()
    for split in ("train", "val", "test"):
        assert sum(batch.count() for batch in data.loader(split)) == data.sizes[split]


def test_a_trained_model_s_scale_and_symbols_are_taken():
    data = words()
    again = HandwritingData(WrittenWords(**{**SMALL, "word_seed": 3}), condition="text")
    again.restore({**data.artifacts(), "symbols": [*"abcdefghijklmnopqrstuvwxyz"], "scale": 0.5})
    again.setup()
    assert again.artifacts()["scale"] == 0.5
    assert again.artifacts()["input_sizes"]["symbols"] == 26


def test_the_order_of_training_is_resumed():
    data, again = words(seed=4), words(seed=4)
    iterator = iter(data.loader("train"))
    next(iterator)
    again.loader("train").load_state_dict(data.loader("train").state_dict())
    torch.testing.assert_close(next(iter(again.loader("train"))).targets, next(iterator).targets)


def test_classes_of_files(tmp_path):
    data = read(inks(tmp_path), condition="label", split=[0.6, 0.2, 0.2])
    assert data.symbols == ["a", "b"]
    assert data.artifacts()["input_sizes"] == {"input_size": 4, "classes": 2, "symbols": 0}
    batches = list(data.loader("test"))
    assert sorted(label for batch in batches for label in batch.inputs.label.tolist()) == [0, 0, 1, 1]


def test_files_without_labels_are_enough_without_a_condition(tmp_path):
    text = inks(tmp_path).read_text().splitlines()
    for number in range(10):
        rows = [row.split(",") for row in text[1:] if row.startswith(f"{number},")]
        (tmp_path / f"{number}.tsv").write_text("".join(f"{x}\t{y}\t{pen}\n" for _, _, x, y, pen in rows))
    (tmp_path / "ink.csv").unlink()
    data = read(tmp_path, split=[0.8, 0.1, 0.1])
    batch = next(iter(data.loader("train")))
    assert batch.inputs.text.shape[1] == 0 and data.symbols == []


def test_ready_splits(tmp_path):
    for part in ("train", "val"):
        (tmp_path / part).mkdir()
    train, val = inks(tmp_path / "train"), inks(tmp_path / "val", "ba")
    data = HandwritingData(
        StrokeFiles(points=None, spacing=0.1), condition="label", train_path=str(train), val_path=str(val)
    )
    data.setup()
    assert set(data.sizes) == {"train", "val"} and data.loader("test") is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["1,a,0,0,1"], "one point"),
        (["1,a,0,0,0", "1,a,0,0,1"], "all its points at one place"),
        (["1,a,0,0,0", "1,a,1,nan,1"], "line 3"),
        ([], "no points"),
    ],
)
def test_ink_that_cannot_be_learned_is_refused(tmp_path, rows, said):
    with pytest.raises(UserError, match=said):
        read(table(tmp_path, rows), condition="label")


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("")
    with pytest.raises(UserError, match=r"empty\.csv"):
        read(path)


def test_a_character_that_training_lacks_is_refused(tmp_path):
    (tmp_path / "val").mkdir()
    data = HandwritingData(
        StrokeFiles(points=None, spacing=0.1),
        condition="text",
        train_path=str(inks(tmp_path)),
        val_path=str(inks(tmp_path / "val", "aé")),
    )
    with pytest.raises(UserError, match="character 'é' is not in training, which has 'ab'"):
        data.setup()


def test_long_ink_is_refused_with_the_keys_that_shorten_it(tmp_path):
    with pytest.raises(UserError, match=r"data\.longest=4.*data\.source\.spacing"):
        read(inks(tmp_path), longest=4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"condition": "speaker"}, "data.condition=speaker"),
        ({"condition": "label"}, "these words have no classes"),
        ({"batch_size": 0}, "data.batch_size"),
        ({"path": "some.csv"}, "without a file"),
        ({"test_path": "some.csv"}, "data.test_path"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, said):
    with pytest.raises(UserError, match=said):
        HandwritingData(WrittenWords(**SMALL), **arguments).setup()


def test_written_words_come_from_no_file():
    assert HandwritingData(WrittenWords(**SMALL)).paths() == {}
    assert HandwritingData(StrokeFiles(), test_path="a.csv").paths()["data.test_path"] == "a.csv"


def test_nothing_to_read_is_said():
    with pytest.raises(UserError, match="there is no ink to read"):
        HandwritingData(StrokeFiles()).setup()


def test_chunks_of_ink_follow_each_other_and_are_the_whole():
    whole, cut = words(), words(chunk_length=13)
    found = {}
    for batch in cut.loader("train"):
        assert batch.chunk.steps <= 13
        text = tuple(map(tuple, batch.inputs.text.tolist()))
        if batch.fresh:
            parts = found.setdefault((text, len(found)), [])
            features = batch.inputs.features
        parts.append((batch.targets, batch.lengths))
        first = parts[0][0][:, :, :2] if len(parts) > 1 else features[:, :, :2]
        assert first.shape[1] == batch.chunk.batch_size
    points = sorted(
        torch.cat([targets[: lengths[lane], lane] for targets, lengths in parts]).flatten().tolist()
        for parts in found.values()
        for lane in range(parts[0][0].shape[1])
    )
    expected = sorted(
        batch.targets[:length, lane].flatten().tolist()
        for batch in whole.loader("train")
        for lane, length in enumerate(batch.lengths.tolist())
    )
    assert points == expected
    assert all(batch.fresh for batch in cut.loader("val"))  # a measure is of whole inks


def test_the_first_input_of_a_chunk_is_the_last_target_of_the_one_before():
    before = None
    for batch in words(chunk_length=13).loader("train"):
        if not batch.fresh:
            torch.testing.assert_close(batch.inputs.features[0], before.targets[-1])
        before = batch


@pytest.mark.parametrize("kind", ["words", "files"])
def test_distortions_are_anew_in_every_epoch_and_the_same_for_the_same_seed(tmp_path, kind):
    def made(**arguments):
        if kind == "words":
            return words(**arguments)
        return read(inks(tmp_path), condition="label", batch_size=8, **arguments)

    def epochs(data, count=2):
        loader = data.loader("train")
        return [[batch.targets for batch in loader] for _ in range(count)]

    plain, changed, again = (
        epochs(made(augmentation=one))
        for one in (None, StrokeDistortions(slant=0.3), StrokeDistortions(slant=0.3))
    )
    for epoch, (before, after, same) in enumerate(zip(plain, changed, again, strict=True)):
        for one, other, repeated in zip(before, after, same, strict=True):
            assert torch.equal(other, repeated), epoch
            assert torch.equal(one[..., 2:], other[..., 2:])  # the marks
            assert not torch.equal(one[..., 0], other[..., 0])
    still, held = made(), made(augmentation=StrokeDistortions(slant=0.3))
    for one, other in zip(still.loader("val"), held.loader("val"), strict=True):
        torch.testing.assert_close(one.targets, other.targets)
    orders = [sorted(batch.sum().item() for batch in epoch) for epoch in changed]
    assert orders[0] != orders[1]


def test_a_slant_shears_words_and_leaves_their_height():
    plain, changed = words(), words(augmentation=StrokeDistortions(slant=0.5))
    for one, other in zip(plain.loader("train"), changed.loader("train"), strict=True):
        torch.testing.assert_close(one.targets[..., 1], other.targets[..., 1], atol=1e-4, rtol=0)
