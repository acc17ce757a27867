"""Use a trained model on new input: `python scripts/predict.py RUN INPUT [--output OUT]`.

A run of task=tagging writes INPUT (plain text, CoNLL, CoNLL-U, ...) with tags, one of task=forecasting a CSV of
forecasts with intervals that go on from the history in INPUT.
"""

import argparse
from pathlib import Path

from throughtime.cli.command_line import add_weights, run_script


def main() -> None:
    """Load the task and hand the input to it."""
    parser = argparse.ArgumentParser(description="Use a trained model on new input.")
    parser.add_argument(
        "run", help="the folder of a run of task=tagging or task=forecasting, or a checkpoint"
    )
    parser.add_argument("input", type=Path, help="the file to tag, or the history to go on from")
    parser.add_argument("--output", type=Path, help="where to write (default: the terminal)")
    add_weights(parser)
    tagging = parser.add_argument_group("task=tagging")
    tagging.add_argument(
        "--probabilities", action="store_true", help="write each tag's probability beside it"
    )
    tagging.add_argument("--encoding", default="utf-8", help="of the input (default utf-8)")
    forecasting = parser.add_argument_group("task=forecasting")
    forecasting.add_argument(
        "--horizon", type=int, help="steps to forecast (default: as many as were trained)"
    )
    forecasting.add_argument("--future", type=Path, help="known covariates of the steps ahead")
    forecasting.add_argument("--plot", action="store_true", help="draw a PNG beside the output")
    options = parser.parse_args()
    from throughtime.inference.predict import predict  # only now: this imports torch

    predict(**vars(options))


if __name__ == "__main__":
    run_script(main)
