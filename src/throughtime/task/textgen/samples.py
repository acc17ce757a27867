"""Samples of text, written at each validation."""

import logging
import textwrap
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch import Callback

from throughtime.callback.logging import log_text
from throughtime.decode.base import Decoder
from throughtime.decode.sampling import Sampling
from throughtime.errors import Diverged, check_positive
from throughtime.files import make_subfolder, write_text

log = logging.getLogger(__name__)


class TextSamples(Callback):
    """Write samples to the loggers and to `samples/step_000500.txt` in the run's folder.

    Each validation starts from the same seed, so that samples differ only by what was learned between. Random
    numbers come from a generator of their own, so that training does not depend on the samples.

    Args:
        prompt: the beginning of each sample.
        length: the symbols of each sample.
        count: how many samples.
        seed: of the generator.
        decoder: chooses the symbols; None for plain sampling.
    """

    def __init__(
        self,
        prompt: str = "",
        length: int = 300,
        count: int = 2,
        seed: int = 0,
        decoder: Decoder | None = None,
    ) -> None:
        check_positive(length=length, count=count)
        self.prompt = prompt
        self.length = length
        self.count = count
        self.seed = seed
        self.decoder = Sampling() if decoder is None else decoder

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        generator = torch.Generator(pl_module.device).manual_seed(self.seed)
        try:
            texts = [
                pl_module.write_one(self.prompt, self.length, self.decoder, generator)
                for _ in range(self.count)
            ]
        except Diverged as error:  # `throughtime.callback.NonFinite` decides whether the run goes on
            log.warning("no samples at step %d: %s", trainer.global_step, error)
            return
        path = Path(trainer.default_root_dir) / "samples" / f"step_{trainer.global_step:06d}.txt"
        make_subfolder(path.parent)
        write_text(path, plain_text(texts))
        log_text(trainer, "samples", as_code_blocks(texts))


def plain_text(texts: list[str]) -> str:
    """The texts, each below a line with its number."""
    return "\n".join(f"--- sample {number} ---\n{text}\n" for number, text in enumerate(texts, 1))


def as_code_blocks(texts: list[str]) -> str:
    """The texts as indented code blocks, which Markdown shows unchanged."""
    blocks = (textwrap.indent(text, "    ", lambda line: True) for text in texts)
    return "\n\n".join(f"sample {number}\n\n{block}" for number, block in enumerate(blocks, 1))
