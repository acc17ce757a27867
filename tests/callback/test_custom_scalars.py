"""The page that tells the story shows what was logged."""

import re

from throughtime.callback.custom_scalars import Layout, layout
from throughtime.callback.gradient_norm import GradientNorm
from throughtime.callback.learning_rate import LearningRate
from throughtime.callback.speed import Speed


def charts(page):
    return {chart["title"]: chart["multiline"]["tag"] for part in page["category"] for chart in part["chart"]}


def test_tensorboard_shows_every_chart_with_values(fit, tensorboard, scalars):
    fit(Layout(), GradientNorm(), LearningRate(), Speed())
    shown = charts(tensorboard("/data/plugin/custom_scalars/layout"))
    assert list(shown) == [
        "loss",
        "bpc",
        "learning rate",
        "gradient norm before clipping",
        "tokens per second",
    ]
    for tags in shown.values():
        reply = tensorboard(f"/data/plugin/custom_scalars/scalars?run=.&tag={tags[0]}")
        assert reply["regex_valid"] and all(points for points in reply["tag_to_events"].values())
        assert len(reply["tag_to_events"]) == 1


def test_train_and_validation_loss_share_a_chart():
    _, tags = layout("val/f1", "tokens")["quality"]["loss"]
    for name in ("train/loss", "val/loss"):
        assert any(re.match(tag, name) for tag in tags)


def test_the_monitored_measure_has_a_chart_unless_it_is_the_loss():
    assert set(layout("val/f1", "tokens")["quality"]) == {"loss", "f1"}
    assert set(layout("val/loss", "tokens")["quality"]) == {"loss"}


def test_the_speed_is_charted_in_the_unit_of_the_data():
    assert layout("val/mae", "points")["optimisation"]["points per second"][1] == [
        r"^speed/points_per_second$"
    ]


def test_no_logger_is_no_hindrance(fit):
    fit(Layout(), logger=False)
