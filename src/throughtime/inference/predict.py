"""From a run and a file to the prediction of whatever task the run was of."""

from pathlib import Path

from throughtime.errors import UserError
from throughtime.inference.averages import RAW
from throughtime.inference.load import load
from throughtime.task.forecasting import predict as forecast_prediction
from throughtime.task.forecasting.task import Forecasting
from throughtime.task.tagging import predict as tagging_prediction
from throughtime.task.tagging.task import Tagging


def predict(
    run: str,
    input: Path,
    output: Path | None = None,
    probabilities: bool = False,
    encoding: str = "utf-8",
    horizon: int | None = None,
    future: Path | None = None,
    plot: bool = False,
    weights: str = RAW,
) -> None:
    """Tag or forecast; the options of the other task must be left alone.

    Args:
        run: the folder of a run, or a checkpoint.
        input: the file to tag, or the history to go on from.
        output: where to write; None for the terminal.
        probabilities, encoding: of tagging.
        horizon, future, plot: of forecasting.
        weights: `raw`, or an average that the run kept: `ema` or `average`.

    Raises:
        UserError: the run is of a task that predicts nothing from a file, or an option is not of its task.
    """
    loaded = load(run, weights)
    tagging = {"--probabilities": probabilities}
    forecasting = {"--horizon": horizon is not None, "--future": future is not None, "--plot": plot}
    if isinstance(loaded.task, Tagging):
        _refuse(forecasting, "task=forecasting")
        tagging_prediction.predict(loaded.task, input, output, probabilities, encoding)
    elif isinstance(loaded.task, Forecasting):
        _refuse(tagging, "task=tagging")
        forecast_prediction.predict(loaded, input, output, horizon, future, plot)
    else:
        raise UserError(f"{run} is a run of task={loaded.task.name}; text is written by scripts/generate.py")


def _refuse(options: dict[str, bool], task: str) -> None:
    given = [name for name, chosen in options.items() if chosen]
    if given:
        raise UserError(f"{given[0]} is for runs of {task}; leave it out here")
