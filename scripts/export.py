"""Export a trained model: `python scripts/export.py RUN --format safetensors|onnx [--output DIR]`."""

import argparse
from pathlib import Path

from throughtime.cli.command_line import add_trust, add_weights, run_script


def main() -> None:
    """Write the model with its configuration and vocabulary or scaler, and print what was written."""
    parser = argparse.ArgumentParser(description="Export a trained model.")
    parser.add_argument("run", help="the folder of a run, or a checkpoint")
    parser.add_argument(
        "--format",
        required=True,
        choices=("safetensors", "onnx"),
        help="safetensors: the weights; onnx: a graph for any number of steps and lanes, checked in ONNX Runtime",
    )
    parser.add_argument(
        "--output", type=Path, help="the folder to write to (default: export_<format> beside the checkpoints)"
    )
    add_weights(parser)
    add_trust(parser)
    options = parser.parse_args()
    from throughtime.inference.export import export  # only now: this imports torch

    print(export(options.run, options.format, options.output, options.weights))


if __name__ == "__main__":
    run_script(main)
