"""Music: the likelihood of a piece, exact whatever the chunks and batches, and pieces that are written."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from throughtime.data.music.batches import PieceBatches
from throughtime.data.music.data import MusicData
from throughtime.data.music.piano_roll_files import PianoRollFiles
from throughtime.errors import Diverged, UserError
from throughtime.task.base import Task
from throughtime.task.music.task import Music


def measured(
    task: Music, rolls: list[np.ndarray], batch_size: int, chunk_length: int | None
) -> dict[str, float]:
    """The mean loss and the metrics of some pieces."""
    total, frames = 0.0, 0
    with torch.inference_mode():
        for batch in PieceBatches(rolls, batch_size, chunk_length):
            loss, count = task.chunk_loss("val", batch)
            total, frames = total + float(loss) * count, frames + count
    task.carried["val"].forget()
    assert frames == sum(map(len, rolls))
    return dict(task.metrics("val", total / frames))


@pytest.mark.parametrize("head", ["bernoulli", "nade"])
def test_metrics_do_not_depend_on_chunks_and_batches(
    music: Callable[..., Music], piece_file: Path, head: str
) -> None:
    data = MusicData(PianoRollFiles(), path=str(piece_file))
    data.setup()
    rolls, task = [piece.roll for piece in data.part("test")], music(head).double()
    rolls_of_doubles = task.float()
    whole = measured(rolls_of_doubles, rolls, 5, None)
    for batch_size, chunk_length in ((1, None), (2, 5), (5, 7)):
        other = measured(rolls_of_doubles, rolls, batch_size, chunk_length)
        assert other == pytest.approx(whole, rel=1e-5)
    assert set(whole) == {"nll", "nll_after_first", "frame_accuracy", "precision", "recall", "f1"}


@pytest.mark.parametrize("head", ["bernoulli", "nade"])
def test_the_mean_without_first_frames_is_that_of_separate_pieces(
    music: Callable[..., Music], piece_file: Path, head: str
) -> None:
    """Piece by piece: the total over all frames but the first, divided by their number."""
    data = MusicData(PianoRollFiles(), path=str(piece_file))
    data.setup()
    rolls, task = [piece.roll for piece in data.part("test")], music(head)
    rolls.append(rolls[0][:1])  # a piece of one frame adds nothing
    total, frames = 0.0, 0
    with torch.inference_mode():
        for roll in rolls:
            truth = torch.from_numpy(roll).float()
            read = torch.cat((torch.zeros(1, 88), truth[:-1]))[:, None]
            features, _ = task.model(read, task.model.initial_state(1))
            later = task.head.log_likelihood(features[1:, 0], truth[1:])
            total, frames = total - float(later.double().sum()), frames + len(later)
    for batch_size, chunk_length in ((6, None), (2, 4)):
        found = measured(task, rolls, batch_size, chunk_length)
        assert found["nll_after_first"] == pytest.approx(total / frames, rel=1e-5)
        assert found["nll"] != pytest.approx(found["nll_after_first"], rel=1e-3)


def test_the_likelihoods_of_all_pieces_add_up_to_1(music: Callable[..., Music]) -> None:
    """Of two frames with two notes that may be on: 16 pieces, of all of which the other keys are off."""
    task = music("nade")
    keys, rest = [40, 45], [number for number in range(88) if number not in (40, 45)]
    with torch.no_grad():
        task.head.note_bias.bias[rest] = -60.0
    pieces = np.zeros((16, 2, 88), dtype=np.uint8)
    for piece, notes in zip(pieces, itertools.product((0, 1), repeat=4), strict=True):
        piece[:, keys] = np.reshape(notes, (2, 2))
    (batch,) = PieceBatches(list(pieces), 16)
    with torch.inference_mode():
        features = task.carried["val"].run(task.model, batch.chunk)
        totals = task.head.log_likelihood(features, batch.targets).sum(0)
    assert float(totals.exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("head", ["bernoulli", "nade"])
def test_a_piece_that_is_written_goes_on_from_its_prompt(music: Callable[..., Music], head: str) -> None:
    """Frame by frame, as if all frames before had been read at once."""
    task = music(head)
    with torch.no_grad():
        for weight in task.model.parameters():
            weight.mul_(3)
    prompt = (torch.rand(5, 88) < 0.1).float()
    frames = list(task.write(prompt, 6, 1.0, torch.Generator().manual_seed(0)))
    again = list(task.write(prompt, 6, 1.0, torch.Generator().manual_seed(0)))
    assert torch.equal(torch.stack(frames), torch.stack(again))
    generator = torch.Generator().manual_seed(0)
    written = prompt
    with torch.inference_mode():
        for frame in frames:
            read = torch.cat((torch.zeros(1, 88), written))[:, None]
            features, _ = task.model(read, task.model.initial_state(1))
            assert torch.equal(task.head.draw(features[-1], 1.0, generator)[0], frame)
            written = torch.cat((written, frame[None]))


def test_the_most_probable_frames_follow_from_the_true_ones(music: Callable[..., Music]) -> None:
    task = music()
    roll = (torch.rand(7, 88) < 0.2).float()
    changed = roll.clone()
    changed[4:] = 1 - changed[4:]
    assert torch.equal(task.most_probable(roll)[:5], task.most_probable(changed)[:5])


def test_what_is_asked_of_a_sample_is_checked(music: Callable[..., Music]) -> None:
    task, silence = music(), torch.zeros(0, 88)
    for length, temperature, message in (
        (0, 1.0, "length"),
        (3, -1.0, "temperature"),
        (3, math.nan, "temperature"),
    ):
        with pytest.raises(UserError, match=message):
            list(task.write(silence, length, temperature, torch.Generator()))
    with torch.no_grad():
        task.model.layers.cells[0].get_parameter(
            next(iter(dict(task.model.layers.cells[0].named_parameters())))
        ).fill_(torch.nan)
    with pytest.raises(Diverged):
        list(task.write(silence, 3, 1.0, torch.Generator()))


def test_a_model_that_reads_the_future_is_refused(
    built: Callable[..., Task], overrides: tuple[str, ...]
) -> None:
    with pytest.raises(UserError, match="bidirectional model would read the frames"):
        built(*overrides, "model=frame_tagger", "~model.layers.residual")
