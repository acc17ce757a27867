"""Write music with a trained model: the options of `scripts/generate.py`, and the formats that it writes."""

import argparse
import secrets
from pathlib import Path

import numpy as np
import torch

from throughtime.data.music.midi import read_midi, write_midi
from throughtime.data.music.piano_roll import KEYS, Roll
from throughtime.errors import UserError, check_positive
from throughtime.files import output_file
from throughtime.task.music.figures import plot_roll
from throughtime.task.music.sound import as_wave, synthesise
from throughtime.task.music.task import Music

FORMATS = (".mid", ".midi", ".wav", ".png")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/generate.py`."""
    parser.add_argument("--prompt", type=Path, help="a MIDI file to go on from; without one, from silence")
    parser.add_argument(
        "--prompt-length", type=int, help="how many frames of the prompt are taken (default all)"
    )
    parser.add_argument("--length", type=int, default=128, help="frames to write (default 128)")
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="below 1 bolder, above 1 more varied; 0 is the likeliest",
    )
    parser.add_argument("--tempo", type=float, default=100.0, help="beats a minute (default 100)")
    parser.add_argument(
        "--seed", type=int, help="the same seed gives the same piece; without one, another piece each time"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("new.mid"),
        help="the file to write: .mid, .wav (its sound) or .png (a picture); the default is new.mid",
    )


def generate(task: Music, options: argparse.Namespace) -> None:
    """Write one piece, the prompt and what follows it.

    Raises:
        UserError: a value is out of its range, or the prompt cannot be read.
    """
    suffix = options.output.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(
            f"--output {options.output} must end in .mid, .wav or .png, which says what is written"
        )
    check_positive(tempo=options.tempo)
    if options.tempo > 1000 or options.tempo < 4:
        raise UserError(f"--tempo {options.tempo} must be from 4 to 1000 beats a minute")
    prompt = np.zeros((0, KEYS), dtype=np.uint8)
    if options.prompt is not None:
        prompt = read_midi(options.prompt, task.steps_per_beat)
    if options.prompt_length is not None:
        check_positive(**{"prompt-length": options.prompt_length})
        prompt = prompt[: options.prompt_length]
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    generator = torch.Generator().manual_seed(seed)
    roll = continued(task, prompt, options.length, options.temperature, generator)
    with output_file(options.output) as file:
        if suffix == ".png":
            plot_roll(roll, start=len(prompt)).savefig(file, format="png", dpi=120)
        elif suffix == ".wav":
            file.write(as_wave(synthesise(roll, task.steps_per_beat, options.tempo)))
        else:
            file.write(write_midi(roll, task.steps_per_beat, options.tempo))
    print(f"{options.output}: {len(prompt)} frames of the prompt and {options.length} new ones")


def continued(task: Music, prompt: Roll, length: int, temperature: float, generator: torch.Generator) -> Roll:
    """The prompt and the frames that follow it; arguments as of `Music.write`."""
    frames = task.write(torch.from_numpy(prompt).float(), length, temperature, generator)
    new = torch.stack(list(frames)).cpu().numpy().astype(np.uint8)
    return np.concatenate((prompt, new))
