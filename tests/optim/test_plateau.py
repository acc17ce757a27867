"""The rate falls when validation stands still, and only then."""

import io

import pytest
import torch

from throughtime.errors import UserError
from throughtime.optim.plateau import Plateau


def plateau(**arguments) -> Plateau:
    return Plateau(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0), **arguments)


def rate(schedule: Plateau) -> float:
    return schedule.optimizer.param_groups[0]["lr"]


def train(schedule: Plateau, steps: int) -> None:
    for _ in range(steps):
        schedule.optimizer.step()
        schedule.step()


def test_improvement_keeps_the_rate():
    schedule = plateau(patience=0)
    for value in (3.0, 2.0, 1.0, 0.5):
        schedule.observe(value)
        train(schedule, 5)
    assert rate(schedule) == 1.0


def test_the_rate_falls_at_once_after_one_validation_more_than_the_patience():
    schedule = plateau(patience=2, factor=0.1)
    rates = []
    for value in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        train(schedule, 3)
        schedule.observe(value)
        rates.append(rate(schedule))
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01])


def test_steps_between_validations_do_not_count_as_validations():
    schedule = plateau(patience=0)
    schedule.observe(1.0)
    train(schedule, 100)
    assert rate(schedule) == 1.0


def test_an_improvement_within_the_threshold_is_none():
    schedule = plateau(patience=0, threshold=0.1, factor=0.5)
    schedule.observe(1.0)
    schedule.observe(0.95)
    assert rate(schedule) == 0.5


def test_a_value_that_is_no_number_is_no_improvement():
    schedule = plateau(patience=0, factor=0.5)
    schedule.observe(1.0)
    schedule.observe(float("nan"))
    assert rate(schedule) == 0.5 and schedule.best == 1.0


def test_the_rate_never_falls_below_its_final_fraction():
    schedule = plateau(patience=0, factor=0.5, final_fraction=0.2)
    for _ in range(10):
        schedule.observe(1.0)
    assert rate(schedule) == pytest.approx(0.2)


def test_warm_up_and_plateaus_multiply():
    schedule = plateau(patience=0, factor=0.5, warmup_steps=4)
    schedule.observe(1.0)
    schedule.observe(1.0)
    rates = []
    for _ in range(6):
        rates.append(rate(schedule))
        train(schedule, 1)
    assert rates == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.5, 0.5])


def test_a_plateau_goes_on_exactly_from_its_saved_state():
    values = [1.0, 0.9, 0.9, 0.95, 0.8, 0.9, 0.9, 0.9]

    def go_on(schedule: Plateau, values: list[float]) -> list[float]:
        rates = []
        for value in values:
            train(schedule, 2)
            schedule.observe(value)
            rates.append(rate(schedule))
        return rates

    arguments = {"patience": 1, "warmup_steps": 6}
    whole = go_on(plateau(**arguments), values)
    for cut in range(len(values)):
        first, second = plateau(**arguments), plateau(**arguments)
        go_on(first, values[:cut])
        file = io.BytesIO()
        torch.save([first.state_dict(), first.optimizer.state_dict()], file)
        file.seek(0)
        saved, saved_optimizer = torch.load(file, weights_only=True)
        second.optimizer.load_state_dict(saved_optimizer)
        second.load_state_dict(saved)
        assert go_on(second, values[cut:]) == whole[cut:]


@pytest.mark.parametrize(
    "arguments", [{"factor": 0.0}, {"factor": 1.0}, {"patience": -1}, {"warmup_steps": -1}]
)
def test_values_out_of_range_are_named(arguments):
    with pytest.raises(UserError, match=next(iter(arguments))):
        plateau(**arguments)
