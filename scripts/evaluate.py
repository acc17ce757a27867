"""Evaluate a trained model: `python scripts/evaluate.py RUN [--path other.txt]`."""

import argparse
import json
import sys
from functools import partial

from throughtime.cli.command_line import add_trust, add_weights, run_script


def main() -> None:
    """Print the test metrics, one a line, or as JSON."""
    parser = argparse.ArgumentParser(
        description="Measure a trained model on its test split, or on other data."
    )
    parser.add_argument("run", help="the folder of a run, or a checkpoint")
    parser.add_argument("--path", help="other data to measure on (default: the run's own test split)")
    add_weights(parser)
    add_trust(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    from throughtime.inference.evaluate import evaluate  # only now: this imports torch
    from throughtime.run.log_filters import filter_logs

    filter_logs()
    metrics = evaluate(options.run, options.path, options.weights, partial(print, file=sys.stderr))
    if options.json:
        print(json.dumps(metrics, indent=2))
        return
    for name, value in metrics.items():
        print(f"{name:<20} {value:.6g}")


if __name__ == "__main__":
    run_script(main)
