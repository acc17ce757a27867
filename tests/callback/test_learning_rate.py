"""The learning rate is logged under one name, whatever the optimiser."""

import pytest
import torch

from throughtime.callback.learning_rate import LearningRate


def test_the_rate_of_each_logged_step(fit, task, scalars):
    def halving():
        optimizer = torch.optim.SGD(task.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    task.configure_optimizers = halving
    fit(LearningRate())
    assert scalars("optim/lr") == pytest.approx([0.5**step for step in range(1, 12, 2)])


def test_no_logger_is_no_hindrance(fit):
    fit(LearningRate(), logger=False)
    fit(LearningRate(), log_every_n_steps=0)
