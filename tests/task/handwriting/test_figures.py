"""Samples and densities are drawn at each validation, and leave no trace in training."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from throughtime.data.strokes import HandwritingData, WrittenWords
from throughtime.errors import UserError
from throughtime.head.bivariate_mixture import Mixture
from throughtime.task.handwriting.figures import InkFigures, density_figure


def fit(task, folder, *callbacks):
    source = WrittenWords(train=16, val=4, test=4, hands=10, longest=3, fonts=["print"])
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        callbacks=list(callbacks),
        max_steps=2,
        val_check_interval=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    torch.manual_seed(5)
    trainer.fit(task.train(), datamodule=HandwritingData(source, batch_size=8))
    return [parameter.detach().clone() for parameter in task.parameters()]


def test_samples_are_written_at_each_validation_and_training_is_the_same_without_them(made, tmp_path):
    with_samples = fit(made("none"), tmp_path, InkFigures(count=2, length=10))
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == [f"step_00000{step}.{suffix}" for step in (1, 2) for suffix in ("png", "svg")]
    without = fit(made("none"), tmp_path)
    assert all(torch.equal(one, other) for one, other in zip(with_samples, without, strict=True))


def test_a_model_that_diverged_is_no_hindrance(made, tmp_path, caplog):
    task = made("none")
    with torch.no_grad():
        task.head.map.bias.fill_(float("nan"))
        task.model.front.map.bias.fill_(float("nan"))
    fit(task, tmp_path, InkFigures(count=1, length=10))
    assert "no samples at step" in caplog.text and not (tmp_path / "samples").exists()


def test_the_density_is_brightest_where_the_next_points_are():
    points = torch.tensor([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]])
    means = points.diff(dim=0)[:, None]
    mixture = Mixture(torch.zeros(2, 1), means, torch.full((2, 1, 2), -1.5), torch.zeros(2, 1))
    above = density_figure(mixture, points, np.array([0.0, 0.0, 1.0])).axes[0].images[0]
    picture, (left, right, low, high) = np.asarray(above.get_array()), above.get_extent()
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    x = left + (right - left) * (column + 0.5) / picture.shape[1]
    y = low + (high - low) * (row + 0.5) / picture.shape[0]
    assert min(np.hypot(x - 4, y), np.hypot(x - 4, y - 2)) < 0.15


def test_texts_that_the_model_does_not_know_are_replaced(made):
    figures = InkFigures(texts=["hello", "abba"], count=2)
    assert figures._conditions(made("text")) == ["abba", "abba"]
    assert InkFigures(texts=["hello"], count=1)._conditions(made("text")) == ["abc"]
    assert InkFigures(count=1)._conditions(made("label")) == ["0", "1", "2"]


def test_nothing_to_draw_is_refused():
    with pytest.raises(UserError, match="count"):
        InkFigures(count=0)
