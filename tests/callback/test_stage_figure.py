"""One figure of a stage is drawn at each validation and as a file after the test, by a task in evaluation mode."""

from unittest.mock import Mock

import lightning.pytorch as pl
import pytest
from matplotlib.figure import Figure

from throughtime.callback import stage_figure
from throughtime.callback.stage_figure import StageFigure


class Drawing(StageFigure):
    figure_name = "drawing"

    def __init__(self) -> None:
        self.seen = []

    def figure(self, data, task, stage):
        self.seen.append((data, stage, task.training))
        return Figure()


@pytest.fixture
def logged(monkeypatch):
    found = []
    monkeypatch.setattr(stage_figure, "takes_figures", lambda trainer: trainer.takes)
    monkeypatch.setattr(
        stage_figure, "log_figure", lambda trainer, tag, figure, path=None: found.append((tag, path))
    )
    return found


def trainer(tmp_path, **changes):
    plain = {"sanity_checking": False, "takes": True, "is_global_zero": True}
    return Mock(spec=pl.Trainer, datamodule="data", default_root_dir=str(tmp_path), **plain | changes)


@pytest.mark.parametrize("training", [True, False])
def test_it_draws_in_evaluation_mode_and_leaves_the_mode_as_it_was(logged, tmp_path, training):
    callback, task = Drawing(), pl.LightningModule().train(training)
    callback.on_validation_end(trainer(tmp_path), task)
    callback.on_test_end(trainer(tmp_path), task)
    assert callback.seen == [("data", "val", False), ("data", "test", False)]
    assert task.training is training
    assert logged == [("val/drawing", None), ("test/drawing", tmp_path / "figures" / "drawing.png")]
    assert (tmp_path / "figures").is_dir()


@pytest.mark.parametrize("changes", [{"sanity_checking": True}, {"takes": False}])
def test_nothing_is_drawn_that_no_logger_takes(logged, tmp_path, changes):
    Drawing().on_validation_end(trainer(tmp_path, **changes), pl.LightningModule())
    assert logged == []


def test_only_rank_0_writes_the_file(logged, tmp_path):
    Drawing().on_test_end(trainer(tmp_path, is_global_zero=False), pl.LightningModule())
    assert logged == [] and not (tmp_path / "figures").exists()
