"""Predict from new input with a trained model: `python scripts/predict.py RUN INPUT [--output OUT]`.

The task of RUN says what INPUT is and what is written; `python scripts/predict.py RUN --help` shows its options.
"""

import sys

from throughtime.cli.command_line import run_script
from throughtime.cli.commands import predict

if __name__ == "__main__":
    run_script(lambda: predict(sys.argv[1:]))
