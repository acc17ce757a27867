"""Figures of a search by Optuna, as PNG files, and its table of trials."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from throughtime.files import atomic_write, make_subfolder, write_text
from throughtime.search.objectives import Objective
from throughtime.search.report import importances
from throughtime.search.space import Space

log = logging.getLogger(__name__)

FOLDER = "search"
CONTOUR_KEYS = 3  # the most important keys, of which contours are drawn for each pair


def draw_search(study: Study, space: Space, objectives: Sequence[Objective], folder: Path) -> list[Path]:
    """Draw the figures that the trials so far allow into the sweep's folder `search`, and write trials.csv there.

    Returns:
        The files that were written.
    """
    where = folder / FOLDER
    make_subfolder(where)
    written = []
    with _headless() as save:
        for name, plot in _plots(study, space, objectives):
            path = where / f"{name}.png"
            try:
                save(plot(), path)
            except Exception as error:  # a failed figure must not lose the result of a long search
                log.warning("%s was not drawn: %s", path, error)
                continue
            written.append(path)
    table = where / "trials.csv"
    write_text(table, study.trials_dataframe(TABLE).to_csv(index=False))
    return [*written, table]


TABLE = ("number", "value", "state", "params", "user_attrs", "datetime_start", "datetime_complete")


def _plots(
    study: Study, space: Space, objectives: Sequence[Objective]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The figures that these trials allow, by their names."""
    from optuna.visualization import matplotlib as plots

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    reported = any(trial.intermediate_values for trial in study.get_trials(deepcopy=False))
    varied = [key for key, one in space.items() if not one.single()]
    yield "timeline", lambda: plots.plot_timeline(study)
    if reported:
        yield "intermediate_values", lambda: plots.plot_intermediate_values(study)
    if not complete or not varied:
        return
    if len(objectives) in (2, 3):
        names = [one.label for one in objectives]
        yield "pareto_front", lambda: plots.plot_pareto_front(study, target_names=names)
    chosen: dict[str, Any] = {"target_name": objectives[0].label}
    if len(objectives) > 1:
        chosen["target"] = lambda trial: trial.values[0]
    yield "history", lambda: plots.plot_optimization_history(study, **chosen)
    yield "slice", lambda: plots.plot_slice(study, varied, **chosen)
    yield "parallel_coordinate", lambda: plots.plot_parallel_coordinate(study, varied, **chosen)
    ranked = list(importances(study, space))
    if ranked:
        yield "importances", lambda: plots.plot_param_importances(study, params=ranked)
    tried = [key for key in ranked if len({trial.params[key] for trial in complete}) > 1]
    if len(tried) > 1:
        yield "contour", lambda: plots.plot_contour(study, tried[:CONTOUR_KEYS], **chosen)


@contextmanager
def _headless() -> Iterator[Callable[[Any, Path], None]]:
    """Inside this block pyplot, with which Optuna draws, needs no screen; its state is restored afterwards."""
    import matplotlib

    before = matplotlib.get_backend()
    import matplotlib.pyplot as pyplot

    def save(axes: Any, path: Path) -> None:
        figure = np.ravel(axes)[0].figure
        rows, columns = np.shape(axes) if np.ndim(axes) == 2 else (1, np.size(axes))
        figure.set_size_inches(max(8.0, 3.0 * columns), max(5.0, 3.0 * rows))
        with atomic_write(path) as file:
            figure.savefig(file, format="png", dpi=120, bbox_inches="tight")
        pyplot.close("all")

    pyplot.switch_backend("agg")
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            yield save
        finally:
            pyplot.close("all")
            pyplot.switch_backend(before)
