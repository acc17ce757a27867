"""Main program of a worker, a rank other than 0 of a run on several devices: `python -m throughtime.run.worker`.

A worker builds what rank 0 has built, from the same configuration, and takes part in the training and the test. It
writes no file, except its error message where it fails.
"""

import json
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
from lightning.fabric.plugins.environments import ClusterEnvironment

from throughtime.callback.checkpoint import Checkpoint
from throughtime.config.trust import make_importable
from throughtime.distributed.external import ExternalEnvironment, connect, receive, report_end
from throughtime.distributed.launcher import READY, SingleNodeEnvironment, WorkerSpec
from throughtime.distributed.place import Place
from throughtime.errors import Diverged, Interrupted, UserError
from throughtime.files import write_text
from throughtime.run.build import build_data, build_task
from throughtime.run.checkpoint import AtomicCheckpointIO
from throughtime.run.fit import chosen_checkpoint
from throughtime.run.folder import RunFolder
from throughtime.run.log_filters import filter_logs
from throughtime.run.trainer import build_trainer


def main() -> None:
    """Read the specification, report `READY`, and train until rank 0 ends."""
    spec = WorkerSpec(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_rank_0, daemon=True).start()

    def report_ready() -> None:
        print(READY, end="", flush=True)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    _work(spec, SingleNodeEnvironment(spec.rank, spec.meeting), report_ready)


def join(place: Place) -> None:
    """Take part in the run of rank 0 as a process that torchrun or srun has started, and exit as it does.

    Args:
        place: of this process.
    """
    store = connect(place)
    order = receive(store, place.rank)
    if isinstance(order, int):
        sys.exit(order)
    try:
        _work(order, ExternalEnvironment(place, store))
    finally:
        report_end(store, place.rank)


def _work(
    spec: WorkerSpec, cluster: ClusterEnvironment, report_ready: Callable[[], None] = lambda: None
) -> None:
    """Train as one rank of several, and report an error to rank 0."""
    for number in (signal.SIGINT, signal.SIGHUP):  # they reach all ranks, and rank 0 answers them
        signal.signal(number, signal.SIG_IGN)
    make_importable()
    folder = RunFolder(Path(spec.folder))
    try:
        train(spec, folder, cluster, report_ready)
    except Interrupted as interrupted:
        sys.exit(128 + interrupted.signal_number)
    except (UserError, Diverged) as error:  # rank 0 finds the same error and reports it
        sys.exit(f"rank {spec.rank}: {error}")
    except Exception:
        write_text(folder.error_of(spec.rank), traceback.format_exc())  # rank 0 reports it
        sys.exit(1)


def train(
    spec: WorkerSpec, folder: RunFolder, cluster: ClusterEnvironment, report_ready: Callable[[], None]
) -> None:
    """Train and test as one rank of several."""
    filter_logs()
    # A rank without a lane in a whole validation has measured nothing; the others have.
    warnings.filterwarnings(
        "ignore", message=r".*method of metric MeanMetric was called before the ``update``.*"
    )
    config = {**spec.config, "logger": None}
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    data = build_data(config)
    task = build_task(config, data.artifacts())
    trainer = build_trainer(config, folder, AtomicCheckpointIO({}), None, cluster)
    checkpointing = next(callback for callback in trainer.callbacks if isinstance(callback, Checkpoint))
    report_ready()
    with checkpointing.answering_signals():
        trainer.fit(task, datamodule=data, ckpt_path=spec.checkpoint, weights_only=True)
        if data.test_dataloader():
            chosen = chosen_checkpoint(folder)
            trainer.test(task, datamodule=data, ckpt_path=chosen, weights_only=True, verbose=False)


def _end_with_rank_0() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
