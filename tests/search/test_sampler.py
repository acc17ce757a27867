"""What a trial tries is a function of the seed, its number and the trials before it."""

import itertools

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from throughtime.errors import UserError
from throughtime.search.sampler import SAMPLERS, build_sampler

SPACE = {
    "optim.optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
    "cell.hidden_size": IntDistribution(32, 128, step=32),
    "cell": CategoricalDistribution(["gru", "lstm"]),
}


def value(parameters: dict) -> float:
    return parameters["optim.optimizer.lr"] * parameters["cell.hidden_size"]


def begin() -> optuna.Study:
    return optuna.create_study()


def proceed(study: optuna.Study, sampler: BaseSampler, trials: int) -> None:
    study.sampler = sampler
    for _ in range(trials):
        trial = study.ask(SPACE)
        study.tell(trial, value(trial.params))


def tried(study: optuna.Study) -> list[dict]:
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_search_that_goes_on_in_another_process_tries_the_same(name: str) -> None:
    whole, parts = begin(), begin()
    proceed(whole, build_sampler(name, 1, SPACE), 18)
    for trials in (3, 1, 8, 6):  # each with a sampler of its own, as after a kill
        proceed(parts, build_sampler(name, 1, SPACE), trials)
    assert tried(parts) == tried(whole)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_trial_that_was_killed_while_it_was_drawn_is_drawn_to_its_end(name: str) -> None:
    whole, broken = begin(), begin()
    for study in (whole, broken):
        proceed(study, build_sampler(name, 1, SPACE), 9)
    expected = whole.ask(SPACE).params
    trial = broken.ask({"optim.optimizer.lr": SPACE["optim.optimizer.lr"]})
    broken.sampler = build_sampler(name, 1, SPACE)
    again = optuna.Trial(broken, trial._trial_id)
    for key, one in SPACE.items():
        again._suggest(key, one)
    assert again.params == expected


@pytest.mark.parametrize("name", SAMPLERS)
def test_another_seed_tries_something_else(name: str) -> None:
    studies = begin(), begin()
    for seed, study in enumerate(studies):
        proceed(study, build_sampler(name, seed, SPACE), 8)
    assert tried(studies[0]) != tried(studies[1])


def test_tpe_goes_where_it_was_good() -> None:
    study = begin()
    proceed(study, build_sampler("tpe", 1, SPACE), 30)
    values = [trial.value for trial in study.trials]
    assert sum(values[-10:]) < sum(values[:10]) / 2


def test_a_grid_has_every_combination_once() -> None:
    sampler = build_sampler("grid", 1, SPACE, grid_points=3)
    assert sampler.size == 3 * 4 * 2
    study = begin()
    proceed(study, sampler, sampler.size)
    seen = sorted((round(rate, 9), size, cell) for rate, size, cell in (one.values() for one in tried(study)))
    assert seen == list(itertools.product((1e-4, 1e-3, 1e-2), (32, 64, 96, 128), ("gru", "lstm")))


def test_a_failed_trial_of_a_grid_is_not_tried_in_the_place_of_another() -> None:
    sampler = build_sampler("grid", 1, SPACE)
    study = begin()
    study.sampler = sampler
    for number in range(sampler.size):
        trial = study.ask(SPACE)
        study.tell(trial, None if number % 3 else 1.0, state=TrialState.FAIL if number % 3 else None)
    assert len({tuple(one.values()) for one in tried(study)}) == sampler.size


@pytest.mark.parametrize("name", ["tpe", "random", "grid"])
def test_several_objectives(name: str) -> None:
    study = optuna.create_study(
        directions=["minimize", "maximize"], sampler=build_sampler(name, 1, SPACE, objectives=2)
    )
    for _ in range(12):
        trial = study.ask(SPACE)
        study.tell(trial, [value(trial.params), trial.params["cell.hidden_size"]])
    assert len(study.trials) == 12


@pytest.mark.parametrize(
    ("name", "space", "objectives", "sentence"),
    [
        ("bayes", SPACE, 1, "choose one of: cmaes, grid, random, tpe"),
        ("cmaes", SPACE, 2, "takes one objective"),
        ("cmaes", {"cell": SPACE["cell"]}, 1, "needs a range"),
        ("grid", {str(n): IntDistribution(1, 99) for n in range(5)}, 1, "9,509,900,499 combinations"),
    ],
)
def test_what_does_not_fit_is_told(name: str, space: dict, objectives: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as raised:
        build_sampler(name, 1, space, objectives)
    assert "sweep.sampler" in str(raised.value)
