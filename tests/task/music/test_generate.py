"""`scripts/generate.py` of a model of music: from silence or from a MIDI file, to MIDI, sound or a picture."""

import argparse
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from PIL import Image

from throughtime.data.music.midi import read_midi, write_midi
from throughtime.data.music.piano_roll import Note, roll_of
from throughtime.errors import UserError
from throughtime.inference.load import load
from throughtime.task.music.generate import add_options, generate
from throughtime.task.music.task import Music


@pytest.fixture
def write(music: Callable[..., Music]) -> Callable[..., None]:
    """Run the command on an untrained model."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    task = music()
    return lambda *words: generate(task, parser.parse_args([str(word) for word in words]))


def test_a_piece_goes_on_from_its_prompt(write: Callable[..., None], tmp_path: Path) -> None:
    prompt = roll_of([Note(0, 3, 60), Note(1, 5, 64)], "x")
    (tmp_path / "bach.mid").write_bytes(write_midi(prompt, 1))
    new = tmp_path / "new.mid"
    write("--prompt", tmp_path / "bach.mid", "--length", 20, "--seed", 3, "--output", new)
    found = read_midi(new, 1)
    np.testing.assert_array_equal(found[: len(prompt)], prompt)
    assert mido.MidiFile(new).length == pytest.approx(25 * 0.6, rel=1e-3)
    write("--prompt", tmp_path / "bach.mid", "--prompt-length", 2, "--length", 20, "--output", new)
    assert mido.MidiFile(new).length == pytest.approx(22 * 0.6, rel=1e-3)


def test_the_same_seed_gives_the_same_piece(write: Callable[..., None], tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write("--length", 12, "--seed", seed, "--output", tmp_path / f"{name}.mid")
    a, b, c = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert a == b != c


def test_the_ending_of_the_file_says_what_is_written(write: Callable[..., None], tmp_path: Path) -> None:
    write("--length", 4, "--output", tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RIFF"
    write("--length", 4, "--output", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
    with pytest.raises(UserError, match=r"a\.txt must end in \.mid, \.wav or \.png"):
        write("--output", tmp_path / "a.txt")


@pytest.mark.parametrize(
    "wrong", [("--length", 0), ("--temperature", -1), ("--tempo", 0), ("--prompt-length", 0)]
)
def test_values_out_of_range_are_refused_and_write_nothing(
    write: Callable[..., None], tmp_path: Path, wrong: tuple
) -> None:
    with pytest.raises(UserError, match=wrong[0].removeprefix("--").split("-")[0]):
        write(*wrong, "--output", tmp_path / "new.mid")
    assert not (tmp_path / "new.mid").exists()


def test_a_checkpoint_alone_is_enough(music_run: Path) -> None:
    task = load(str(music_run)).task
    assert isinstance(task, Music) and task.steps_per_beat == 1
    assert "generate.py" in task.next_commands("RUN")[0][1]
