"""Samples of music come with each validation as MIDI, as sound and as a figure, and leave no trace in training."""

import wave
from pathlib import Path

import mido
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from throughtime.errors import UserError
from throughtime.task.music.samples import MusicSamples


def test_each_validation_leaves_a_midi_file_and_its_sound(music_run: Path) -> None:
    files = sorted(path.name for path in (music_run / "samples").iterdir())
    assert files == [f"step_00000{step}.{kind}" for step in (4, 8) for kind in ("mid", "wav")]
    seconds = 6 * 0.6  # frames of one beat at 100 beats a minute
    assert mido.MidiFile(music_run / "samples" / "step_000008.mid").length == pytest.approx(seconds, rel=1e-3)
    with wave.open(str(music_run / "samples" / "step_000008.wav")) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(seconds + 0.15, abs=0.01)


def test_tensorboard_has_the_sound_the_figures_and_the_metrics(music_run: Path) -> None:
    events = EventAccumulator(str(music_run), size_guidance={"audio": 0, "images": 0})
    events.Reload()
    assert events.Tags()["audio"] == ["sample/sound"]
    assert [one.step for one in events.Audio("sample/sound")] == [4, 8]
    images = set(events.Tags()["images"])
    assert {"sample/piano_roll", "val/piano_roll", "test/piano_roll"} <= images
    assert not images & {
        *events.Tags()["audio"],
        *events.Tags()["scalars"],
    }  # a tag of two kinds is shown as one
    metrics = ("nll", "frame_accuracy", "precision", "recall", "f1")
    assert {f"val/{name}" for name in metrics} <= set(events.Tags()["scalars"])


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match="length"):
        MusicSamples(length=0)
    with pytest.raises(UserError, match="temperature"):
        MusicSamples(temperature=-1.0)
