"""The table in the run's folder and in TensorBoard, with the confusion matrix as a figure."""

import csv

import pytest
import torch

from throughtime.errors import UserError
from throughtime.task.tagging.figures import TagTable, confusion, table
from throughtime.task.tagging.metrics import TagMetrics


@pytest.fixture
def measured():
    metrics = TagMetrics(["B-X", "I-X", "O|"], entities=True)
    expected, predicted = torch.tensor([[0], [1], [2], [2], [3]]), torch.tensor([[0], [2], [2], [2], [0]])
    metrics.update(expected, predicted, predicted, *[torch.ones(5, 1, dtype=torch.bool)] * 2)
    return metrics


def test_tags_come_by_frequency_and_entities_after_them(measured):
    assert table(measured) == [
        ("O|", "0.6667", "1.0000", "0.8000", "2"),
        ("B-X", "0.5000", "1.0000", "0.6667", "1"),
        ("I-X", "0.0000", "0.0000", "0.0000", "1"),
        ("entity ?", "0.0000", "0.0000", "0.0000", "1"),
        ("entity X", "0.0000", "0.0000", "0.0000", "1"),
    ]


def test_the_figure_shows_shares_of_true_tags(measured):
    figure = confusion(measured, most_tags=2)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["O|", "B-X"]
    assert axes.images[0].get_array().tolist() == [[100, 0], [0, 100]]
    assert all(one.get_ylabel() for one in figure.axes) and axes.get_xlabel()


def test_a_validation_and_a_test_write_files_and_tensorboard(fit, task, measured, tmp_path, tensorboard):
    task.measured = {"val": measured, "test": measured}
    fit(TagTable(), test=True)
    for stage in ("val", "test"):
        rows = list(csv.reader((tmp_path / f"tags_{stage}.csv").open()))
        assert rows[0] == ["tag", "precision", "recall", "f1", "tokens"]
        assert [tuple(row) for row in rows[1:]] == table(measured)
        images = tensorboard(f"/data/plugin/images/images?run=.&tag={stage}/confusion&sample=0")
        assert len(images) == (3 if stage == "val" else 1)
        assert tensorboard(f"/data/plugin/text/text?run=.&tag={stage}/tags/text_summary")


def test_a_figure_needs_a_tag():
    with pytest.raises(UserError, match="most_tags"):
        TagTable(most_tags=0)
