"""A search is drawn as far as its trials allow, without a screen, and nothing that fails to draw costs a result."""

import csv
from pathlib import Path

import matplotlib
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from throughtime.search.objectives import Objective
from throughtime.search.plots import draw_search
from throughtime.search.sampler import build_sampler

SPACE = {
    "optim.optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
    "cell.hidden_size": IntDistribution(32, 128, step=32),
    "cell": CategoricalDistribution(["gru", None, 3]),
}
ALWAYS = {"timeline.png", "trials.csv"}
COMPLETE = ALWAYS | {"history.png", "slice.png", "parallel_coordinate.png"}


def study_of(trials: int, objectives: int = 1, report: bool = False) -> optuna.Study:
    study = optuna.create_study(
        directions=["minimize"] * objectives, sampler=build_sampler("random", 1, SPACE)
    )
    for _ in range(trials):
        trial = study.ask(SPACE)
        if report:
            trial.report(1.0, 5)
        study.tell(trial, [trial.params["optim.optimizer.lr"], 1.0][:objectives])
    return study


def drawn(study: optuna.Study, folder: Path) -> set[str]:
    objectives = [Objective("val/loss", "minimize"), Objective("seconds", "minimize")]
    return {path.name for path in draw_search(study, SPACE, objectives[: len(study.directions)], folder)}


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        (study_of(0), ALWAYS),
        (study_of(1), COMPLETE),
        (study_of(6, report=True), COMPLETE | {"importances.png", "contour.png", "intermediate_values.png"}),
        (study_of(6, objectives=2), COMPLETE | {"importances.png", "contour.png", "pareto_front.png"}),
    ],
    ids=["none", "one", "several", "two objectives"],
)
def test_what_the_trials_allow_is_drawn(study: optuna.Study, expected: set[str], tmp_path: Path) -> None:
    parameters, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
    assert drawn(study, tmp_path) == expected == {path.name for path in (tmp_path / "search").iterdir()}
    for path in (tmp_path / "search").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert matplotlib.get_backend() == backend
    assert dict(matplotlib.rcParams) == parameters


def test_the_table_has_every_trial_and_why_it_failed(tmp_path: Path) -> None:
    study = study_of(2)
    trial = study.ask(SPACE)
    trial.set_user_attr("error", "it raised")
    study.tell(trial, state=TrialState.FAIL)
    drawn(study, tmp_path)
    with (tmp_path / "search" / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert rows[2]["user_attrs_error"] == "it raised" and rows[0]["params_cell.hidden_size"]


def test_a_figure_that_fails_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from optuna.visualization import matplotlib as plots

    def broken(*_: object, **__: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(plots, "plot_slice", broken)
    assert drawn(study_of(1), tmp_path) == COMPLETE - {"slice.png"}
