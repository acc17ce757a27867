"""A part of a task is built at a place of the task, and nothing else is."""

import pytest

from throughtime.config.registry import locate
from throughtime.errors import UserError
from throughtime.task.forecasting.backtest import Backtest
from throughtime.task.part import TaskPart


def test_a_part_of_a_task_is_found_at_any_name_below_task() -> None:
    assert issubclass(Backtest, TaskPart)
    for key in ("task.backtest", "task.other"):
        assert locate("throughtime.task.forecasting.Backtest", key).factory is Backtest


@pytest.mark.parametrize("name", ["throughtime.task.TaskPart", "throughtime.task.forecasting.Forecasting"])
def test_neither_the_base_class_nor_a_task_is_a_part(name: str) -> None:
    with pytest.raises(UserError, match="is not a part of a task"):
        locate(name, "task.backtest")
