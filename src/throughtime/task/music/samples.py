"""Samples of music, written at each validation."""

import logging
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch import Callback

from throughtime.callback.logging import log_audio, log_figure
from throughtime.data.music.midi import write_midi
from throughtime.data.music.piano_roll import KEYS
from throughtime.errors import Diverged, UserError, check_positive
from throughtime.files import atomic_write, make_subfolder
from throughtime.task.music.figures import plot_roll
from throughtime.task.music.generate import continued
from throughtime.task.music.sound import RATE, as_wave, synthesise

log = logging.getLogger(__name__)


class MusicSamples(Callback):
    """Write a piece to the loggers, as a piano roll and as sound, and to `samples/step_000500.mid` and `.wav`.

    It begins from silence. Each validation starts from the same seed, so that samples differ only by what was learned
    between. Random numbers come from a generator of their own, so that training does not depend on the samples.

    Args:
        length: the frames of a sample.
        temperature: below 1 bolder, above 1 more varied.
        tempo: beats a minute.
        seed: of the generator.
    """

    def __init__(
        self, length: int = 64, temperature: float = 1.0, tempo: float = 100.0, seed: int = 0
    ) -> None:
        check_positive(length=length, tempo=tempo)
        if not 0 <= temperature < float("inf"):
            raise UserError(f"callback.samples.temperature={temperature} must be at least 0 and finite")
        self.length = length
        self.temperature = temperature
        self.tempo = tempo
        self.seed = seed

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        generator = torch.Generator(pl_module.device).manual_seed(self.seed)
        silence = np.zeros((0, KEYS), dtype=np.uint8)
        was_training = pl_module.training
        pl_module.eval()
        try:
            roll = continued(pl_module, silence, self.length, self.temperature, generator)
        except Diverged as error:  # `throughtime.callback.NonFinite` decides whether the run goes on
            log.warning("no sample at step %d: %s", trainer.global_step, error)
            return
        finally:
            pl_module.train(was_training)
        path = Path(trainer.default_root_dir) / "samples" / f"step_{trainer.global_step:06d}.mid"
        make_subfolder(path.parent)
        sound = synthesise(roll, pl_module.steps_per_beat, self.tempo)
        with atomic_write(path) as file:
            file.write(write_midi(roll, pl_module.steps_per_beat, self.tempo))
        with atomic_write(path.with_suffix(".wav")) as file:
            file.write(as_wave(sound))
        log_figure(trainer, "sample/piano_roll", plot_roll(roll, title="a sample from silence"))
        # TensorBoard shows only the first kind of a tag that two kinds have.
        log_audio(trainer, "sample/sound", sound, RATE, path.with_suffix(".wav"))
