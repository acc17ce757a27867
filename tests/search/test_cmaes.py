"""CMA-ES finds the least of a bowl, from nothing but the trials that were told."""

import math

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from throughtime.search.cmaes import GENERATION, CmaEs, from_unit, to_unit
from throughtime.search.sampler import StreamPerTrial

SPACE = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "size": IntDistribution(8, 256, step=8),
    "cell": CategoricalDistribution(["gru", "lstm"]),
}


def bowl(parameters: dict) -> float:
    """Least where rate = 0.01 and size = 64."""
    return math.log10(parameters["rate"] / 0.01) ** 2 + ((parameters["size"] - 64) / 64) ** 2


def search(trials: int, direction: str = "minimize") -> optuna.Study:
    sign = 1 if direction == "minimize" else -1
    study = optuna.create_study(
        sampler=StreamPerTrial(lambda seed: CmaEs(seed, startup_trials=4), seed=1), direction=direction
    )
    for _ in range(trials):
        trial = study.ask(SPACE)
        study.tell(trial, sign * bowl(trial.params))
    return study


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_generations_come_nearer_to_the_best(direction: str) -> None:
    values = [abs(trial.value) for trial in search(64, direction).trials]
    assert sum(values[-12:]) < sum(values[:12]) / 4
    assert min(values) < 0.05


def test_the_state_follows_from_the_trials_alone() -> None:
    """No trial keeps more than its generation, which is complete before the next one begins."""
    generations = [trial.system_attrs.get(GENERATION) for trial in search(20).trials]
    assert generations[:4] == [None] * 4
    size = generations.count(0)
    assert generations[4:] == sorted(generations[4:]) and generations.count(1) == size


@pytest.mark.parametrize(
    "one",
    [
        FloatDistribution(-1, 3),
        FloatDistribution(1e-4, 1.0, log=True),
        FloatDistribution(0, 1, step=0.25),
        IntDistribution(2, 9),
        IntDistribution(1, 100, log=True),
        IntDistribution(32, 256, step=32),
    ],
    ids=str,
)
@given(place=st.floats(0, 1))
def test_every_place_is_a_value_of_the_range_and_leads_back(place: float, one: BaseDistribution) -> None:
    value = from_unit(one, place)
    assert one._contains(one.to_internal_repr(value))
    assert from_unit(one, to_unit(one, value)) == pytest.approx(value)


def test_each_step_has_the_same_share() -> None:
    one = IntDistribution(1, 4)
    shares = [from_unit(one, (place + 0.5) / 400) for place in range(400)]
    assert [shares.count(value) for value in (1, 2, 3, 4)] == [100] * 4
