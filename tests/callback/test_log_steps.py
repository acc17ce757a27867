"""Callbacks log at the steps at which Lightning writes."""

import lightning.pytorch as pl

from throughtime.callback.log_steps import logs_at


def test_every_n_steps_counted_from_one():
    trainer = pl.Trainer(log_every_n_steps=3, logger=False)
    assert [step for step in range(1, 10) if logs_at(trainer, step)] == [3, 6, 9]


def test_never_where_logging_is_off():
    trainer = pl.Trainer(log_every_n_steps=0, logger=False)
    assert not any(logs_at(trainer, step) for step in range(1, 10))
