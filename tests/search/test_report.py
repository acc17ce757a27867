"""The end of a search says how its trials ended, what mattered, and what to type for the best."""

import shlex
from collections.abc import Callable

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from throughtime.search.objectives import Objective
from throughtime.search.report import best_trials, importances, search_report
from throughtime.search.sampler import build_sampler
from throughtime.search.trials import ERROR

SPACE = {
    "optim.optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
    "cell.hidden_size": IntDistribution(32, 128, step=32),
    "data.split": CategoricalDistribution(["[0.8,0.2]", "a b"]),
}
LOSS, ACCURACY = Objective("val/loss", "minimize"), Objective("val/accuracy", "maximize")


@pytest.fixture
def studied() -> Callable[..., optuna.Study]:
    """A search of 20 trials in which the learning rate alone matters, the smaller the better."""

    def make(*objectives: Objective, failures: int = 0) -> optuna.Study:
        study = optuna.create_study(
            directions=[one.direction for one in objectives], sampler=build_sampler("random", 1, SPACE)
        )
        for number in range(20):
            trial = study.ask(SPACE)
            rate = trial.params["optim.optimizer.lr"]
            if number < failures:
                trial.set_user_attr(ERROR, "it raised")
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, [rate if one.direction == "minimize" else -rate for one in objectives])
        return study

    return make


@pytest.mark.parametrize("objective", [LOSS, ACCURACY])
def test_what_alone_matters_is_the_most_important_whatever_the_direction(studied, objective) -> None:
    shares = importances(studied(objective), SPACE)
    assert next(iter(shares)) == "optim.optimizer.lr" and shares["optim.optimizer.lr"] > 0.5
    assert sum(shares.values()) == pytest.approx(1)
    (best,) = best_trials(studied(objective))
    assert best.params["optim.optimizer.lr"] == min(
        trial.params["optim.optimizer.lr"] for trial in studied(objective).trials
    )


def test_of_several_objectives_too(studied) -> None:
    assert next(iter(importances(studied(ACCURACY, LOSS), SPACE))) == "optim.optimizer.lr"


def test_the_command_of_the_best_is_read_back_by_the_shell_and_by_hydra(studied) -> None:
    study = studied(LOSS)
    typed = ["sweep=optuna", "sweep.trials=20", "task=textgen", "data.path=my file.txt", "hydra.sweep.dir=x"]
    command = search_report(study, SPACE, [LOSS], 20, typed).splitlines()[-1]
    arguments = shlex.split(command)[2:]
    assert arguments[:2] == ["task=textgen", "data.path=my file.txt"]
    read = {one.key_or_group: one.value() for one in OverridesParser.create().parse_overrides(arguments[2:])}
    split = read.pop("data.split")
    best = study.best_trial.params
    assert read == {key: best[key] for key in read} and len(read) == 2
    assert split == ([0.8, 0.2] if best["data.split"] == "[0.8,0.2]" else "a b")


def test_failures_are_told_with_their_reasons(studied) -> None:
    text = search_report(studied(LOSS, failures=2), SPACE, [LOSS], 25, [])
    assert "search: 20 of 25 trials (18 complete, 2 failed)" in text
    assert text.count("failed: it raised") == 2


def test_a_search_without_a_complete_trial_says_so(studied) -> None:
    text = search_report(studied(LOSS, failures=20), SPACE, [LOSS], 20, [])
    assert "no trial is complete" in text and "importance" not in text


def test_the_front_holds_what_nothing_beats_and_fits_the_terminal(studied) -> None:
    study = studied(LOSS, Objective("seconds", "minimize"))
    text = search_report(study, SPACE, [LOSS, Objective("seconds", "minimize")], 20, [])
    assert len(best_trials(study)) == 1 and "The Pareto front" in text
    table = text.partition("  python")[0]
    assert max(map(len, table.splitlines())) <= 80
