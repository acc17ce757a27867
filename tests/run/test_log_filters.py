"""Libraries below a run print nothing that is no concern of its user."""

import logging
import warnings

import pytest

from throughtime.run.log_filters import filter_logs


@pytest.fixture
def levels():
    names = ("lightning.pytorch", "lightning.fabric", "alembic", "mlflow")
    before = {name: logging.getLogger(name).level for name in names}
    yield names
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_advertisements_are_silenced_and_errors_are_not(levels) -> None:
    filter_logs()
    for name in levels:
        assert not logging.getLogger(f"{name}.part").isEnabledFor(logging.INFO)
        assert logging.getLogger(f"{name}.part").isEnabledFor(logging.ERROR)


def test_known_warnings_are_ignored_and_others_are_not(levels) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        filter_logs()
        warnings.warn(
            "The 'train_dataloader' does not have many workers which may be a bottleneck", stacklevel=1
        )
        warnings.warn("the loss is not finite", stacklevel=1)
    assert [str(one.message) for one in seen] == ["the loss is not finite"]
