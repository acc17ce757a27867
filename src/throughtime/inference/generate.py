"""Text from a checkpoint, shown as it is written."""

from collections.abc import Iterator
from typing import TextIO

import torch

from throughtime.decode.base import Decoder
from throughtime.decode.beam import Beam
from throughtime.decode.sampling import Sampling
from throughtime.errors import UserError, check_positive
from throughtime.inference.averages import RAW
from throughtime.inference.load import load
from throughtime.task.textgen.task import TextGeneration


class Writer:
    """A trained language model with a way to choose symbols.

    Args:
        path: the folder of a run, or a checkpoint.
        temperature, top_k, top_p: of sampling.
        beam: the width of a beam search instead of sampling.
        seed: of the samples; each further sample goes on with the same random numbers.
        weights: `raw`, or an average that the run kept: `ema` or `average`.

    Raises:
        UserError: there is no checkpoint of a text-generation run at `path`, or a value is out of its range.
    """

    def __init__(
        self,
        path: str,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        beam: int | None = None,
        seed: int = 0,
        weights: str = RAW,
    ) -> None:
        self.decoder: Decoder = Sampling(temperature, top_k, top_p) if beam is None else Beam(beam)
        loaded = load(path, weights)
        if not isinstance(loaded.task, TextGeneration):
            raise UserError(
                f"{path} is a run of task={loaded.task.name}, which writes no text; name one of textgen"
            )
        self.task = loaded.task
        self.generator = torch.Generator().manual_seed(seed)

    def write(self, prompt: str, length: int) -> Iterator[str]:
        """The text that goes on from the prompt, piece by piece as it is written."""
        check_positive(length=length)
        ids = self.task.write(prompt, length, self.decoder, self.generator)
        return self.task.tokenizer.decode_stream(int(one[0]) for one in ids)

    def show(self, prompt: str, length: int, samples: int, out: TextIO) -> None:
        """Print samples with their prompt while they are written, an empty line between two."""
        check_positive(samples=samples)
        for number in range(samples):
            out.write(("\n\n" if number else "") + prompt)
            for piece in self.write(prompt, length):
                out.write(piece)
                out.flush()
        out.write("\n")
