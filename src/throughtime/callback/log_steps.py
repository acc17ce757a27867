"""At which steps a callback logs."""

import lightning.pytorch as pl


def logs_at(trainer: pl.Trainer, step: int) -> bool:
    """Whether this optimiser step, counted from 1, is one of every `trainer.log_every_n_steps`."""
    every = trainer.log_every_n_steps
    return every > 0 and step % every == 0
