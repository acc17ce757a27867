"""Text written by the model at each validation, to read how it learns."""

import textwrap
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch import Callback

from throughtime.callback.tensorboard import tensorboard_writer
from throughtime.decode.base import Decoder
from throughtime.decode.sampling import Sampling
from throughtime.errors import check_positive


class TextSamples(Callback):
    """Writes samples to TensorBoard (TEXT) and to `samples/step_000500.txt` in the run's folder.

    Each validation starts from the same seed, so that samples differ by what was learned between. Chance
    comes from a generator of its own: training goes on as if no sample had been written.

    Args:
        prompt: what each sample begins with.
        length: the symbols of each sample.
        count: how many samples.
        seed: of the generator.
        decoder: how symbols are chosen; plain sampling where it is None.
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
        texts = [
            pl_module.generate(self.prompt, self.length, self.decoder, generator) for _ in range(self.count)
        ]
        path = Path(trainer.default_root_dir) / "samples" / f"step_{trainer.global_step:06d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_plain(texts), encoding="utf-8")
        writer = tensorboard_writer(trainer)
        if writer is not None:
            writer.add_text("samples", as_markdown(texts), trainer.global_step)


def as_plain(texts: list[str]) -> str:
    """The texts, each below a line with its number."""
    return "\n".join(f"--- sample {number} ---\n{text}\n" for number, text in enumerate(texts, 1))


def as_markdown(texts: list[str]) -> str:
    """The texts as indented code blocks, which show any text as it is, whatever marks it holds."""
    blocks = (textwrap.indent(text, "    ", lambda line: True) for text in texts)
    return "\n\n".join(f"sample {number}\n\n{block}" for number, block in enumerate(blocks, 1))
