"""Runs the project's commands in processes of their own, without paying for the imports each time.

A server imports the libraries once and forks a child for each request, a line of JSON on its standard input. The child
is the command as a user runs it: its own arguments, working directory, output files, signals and exit status.
"""

import gc
import importlib
import json
import os
import pkgutil
import re
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

LIBRARIES = (
    *(
        "hydra.main",
        "hydra._internal.hydra",
        "hydra._internal.config_loader_impl",
        "omegaconf.grammar_parser",
    ),
    *("hydra.core.override_parser.overrides_parser", "hydra._internal.core_plugins.basic_sweeper"),
    *("lightning.pytorch", "torchmetrics", "torch._dynamo", "torch.utils.tensorboard", "tensorboard"),
    *("matplotlib.backends.backend_agg", "matplotlib.pyplot", "pandas", "rich.progress", "optuna"),
    *("sklearn.linear_model", "sklearn.neighbors", "sklearn.datasets", "safetensors.torch", "tokenizers"),
    *("PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PpmImagePlugin"),
    *(
        "pyarrow.pandas_compat",
        "pandas.io.formats.csvs",
        "fsspec.implementations.chained",
        "rich._emoji_codes",
    ),
)
SETS_MODE = re.compile(r"-m|--multirun|.*hydra(\.mode|[/=])|.*sweep|resume=|rerun=|--config|-c|.*@")
"""Words of a command by which a configuration may set `hydra.mode`."""
CONFIGURATIONS = Path(__file__).resolve().parent.parent / "conf"


def serve() -> None:
    """Fork a child for every request and answer with its wait status."""
    load_libraries()
    load_plugins()
    gc.collect()
    gc.freeze()  # else a child's garbage collector would write to, and so copy, all memory that it shares
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            run_child(request)
        print(json.dumps({"pid": child}), flush=True)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"returncode": os.waitstatus_to_exitcode(status)}), flush=True)


def load_libraries() -> None:
    """Import what commands import when they first need it: all of the package, and large libraries."""
    import throughtime

    for name in LIBRARIES:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(throughtime.__path__, "throughtime."):
        importlib.import_module(module.name)


def load_plugins() -> None:
    """Compose a configuration: Hydra looks for its plugins, and its parsers build their tables, once in a process."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONFIGURATIONS), version_base="1.3"):
        compose("config", ["data.split=[0.8,0.1,0.1]", "++x='a b'"], return_hydra_config=True)


def run_child(request: dict[str, Any]) -> None:
    """Become the command; never returns."""
    code = 1
    try:
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            opened = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, descriptor)
        os.dup2(os.open(request.get("stdin") or os.devnull, os.O_RDONLY), 0)
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        sys.argv = [request["script"], *request["arguments"]]
        sys.path.insert(0, str(Path(request["script"]).parent))
        if not any(map(SETS_MODE.match, request["arguments"])):
            leave_out_mode()
        if request.get("signal_at_step"):
            signal_at_step(*request["signal_at_step"])
        runpy.run_path(request["script"], run_name="__main__")
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def leave_out_mode() -> None:
    """Compose the configuration once: Hydra does it twice, first to read a `hydra.mode` that no word here sets."""
    from hydra._internal.hydra import Hydra

    Hydra.get_mode = lambda *arguments, **options: None


def signal_at_step(number: int, step: int) -> None:
    """Send this process a signal in the middle of the training step after `step` optimiser updates."""
    from throughtime.task.base import Task

    training_step = Task.training_step

    def interrupted(task: Task, *arguments: Any) -> Any:
        loss = training_step(task, *arguments)
        if task.trainer.global_step == step:
            os.kill(os.getpid(), signal.Signals(number))
        return loss

    Task.training_step = interrupted


if __name__ == "__main__":
    serve()
