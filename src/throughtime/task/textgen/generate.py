"""Write text with a trained language model: the options of `scripts/generate.py`, and the loop over samples."""

import argparse
import secrets
import sys
from collections.abc import Iterator
from typing import TextIO

import torch

from throughtime.decode.base import Decoder
from throughtime.decode.beam import Beam
from throughtime.decode.sampling import Sampling
from throughtime.errors import UserError, check_positive
from throughtime.task.textgen.task import TextGeneration


class Writer:
    """A trained language model with a decoder and a source of random numbers.

    Args:
        task: in evaluation mode.
        temperature, top_k, top_p: of sampling.
        beam: the width of a beam search instead of sampling.
        seed: of the samples; each further sample goes on with the same random numbers.

    Raises:
        UserError: a value is out of its range.
    """

    def __init__(
        self,
        task: TextGeneration,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        beam: int | None = None,
        seed: int = 0,
    ) -> None:
        self.task = task
        self.decoder: Decoder = Sampling(temperature, top_k, top_p) if beam is None else Beam(beam)
        self.generator = torch.Generator().manual_seed(seed)

    def write(self, prompt: str, length: int) -> Iterator[str]:
        """Yield the text that follows the prompt, piece by piece."""
        check_positive(length=length)
        ids = self.task.write(prompt, length, self.decoder, self.generator)
        return self.task.tokenizer.decode_stream(int(one[0]) for one in ids)

    def show(self, prompt: str, length: int, samples: int, out: TextIO) -> None:
        """Print samples with their prompt as they are written, an empty line between two."""
        check_positive(samples=samples)
        for number in range(samples):
            out.write(("\n\n" if number else "") + prompt)
            for piece in self.write(prompt, length):
                out.write(piece)
                out.flush()
        out.write("\n")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/generate.py`."""
    parser.add_argument("--prompt", default="", help="what the text begins with")
    parser.add_argument("--length", type=int, default=500, help="symbols to write (default 500)")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="below 1 bolder, above 1 more varied; 0 is greedy"
    )
    parser.add_argument("--top-k", type=int, help="draw from the k most probable symbols only")
    parser.add_argument("--top-p", type=float, help="draw from the most probable symbols of this mass only")
    parser.add_argument("--beam", type=int, help="beam search of this width instead of sampling")
    parser.add_argument("--samples", type=int, default=1, help="texts to write (default 1)")
    parser.add_argument(
        "--seed", type=int, help="the same seed gives the same text; without one, another text each time"
    )
    parser.add_argument("--interactive", action="store_true", help="ask for prompts until an empty line")


def generate(task: TextGeneration, options: argparse.Namespace) -> None:
    """Write for one prompt, or for every prompt that is typed."""
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    writer = Writer(task, options.temperature, options.top_k, options.top_p, options.beam, seed)
    if not options.interactive:
        writer.show(options.prompt, options.length, options.samples, sys.stdout)
        return
    while prompt := _ask():
        try:
            writer.show(prompt, options.length, options.samples, sys.stdout)
        except UserError as error:  # a prompt that is refused is no reason to leave
            print(f"error: {error}", file=sys.stderr)


def _ask() -> str:
    try:
        return input("> ")
    except EOFError:
        return ""
