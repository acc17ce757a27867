"""Write samples with a trained model: `python scripts/generate.py RUN --prompt "def " --length 500 --temperature 0.8`.

The options are those of RUN's task; `python scripts/generate.py RUN --help` shows them.
"""

import sys

from throughtime.cli.command_line import run_script
from throughtime.cli.commands import generate

if __name__ == "__main__":
    run_script(lambda: generate(sys.argv[1:]))
