"""Diagnose the gradient through time of a trained model: `python scripts/diagnose.py RUN [--path other.txt]`."""

import argparse
import sys
from functools import partial
from pathlib import Path

from throughtime.cli.command_line import add_trust, add_weights, run_script


def main() -> None:
    """Print the verdict and the settings to try, and write the page."""
    parser = argparse.ArgumentParser(
        description="Tell whether the gradient of a model vanishes or explodes through time, why, and what to try: "
        "gradient by lag, singular values, Lyapunov spectrum, saturation, time constants and dead units."
    )
    parser.add_argument("run", help="the folder of a run, or a checkpoint")
    parser.add_argument("--path", help="other data to measure on (default: the run's own test split)")
    add_weights(parser)
    add_trust(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="the folder for diagnosis.png and diagnosis.html (default: the run's, or that of the checkpoint)",
    )
    options = parser.parse_args()
    from throughtime.inference.diagnose import diagnose  # only now: this imports torch
    from throughtime.run.log_filters import filter_logs

    filter_logs()
    verdict, pages = diagnose(
        options.run, options.path, options.weights, options.output, partial(print, file=sys.stderr)
    )
    print(*verdict.sentences, sep="\n")
    for reason, command in verdict.commands:
        print(f"\n{reason}\n    {command}")
    print(f"\npage: {', '.join(map(str, pages))}")


if __name__ == "__main__":
    run_script(main)
