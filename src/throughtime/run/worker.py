"""A rank other than 0 of a run on several devices: `python -m throughtime.run.worker`, which rank 0 starts.

It builds what rank 0 has built, from the same configuration, and takes part in the training and the test. It writes
nothing but, where it fails, why.
"""

import json
import os
import signal
import sys
import threading
import traceback
import warnings
from pathlib import Path

import lightning.pytorch as pl

from throughtime.callback.checkpoint import Checkpoint
from throughtime.cli.job import quiet
from throughtime.distributed.launcher import READY, Order, SingleNodeEnvironment
from throughtime.errors import Diverged, Interrupted, UserError
from throughtime.run.build import build_data, build_task
from throughtime.run.checkpoint import AtomicCheckpointIO
from throughtime.run.fit import chosen_checkpoint
from throughtime.run.folder import RunFolder
from throughtime.run.trainer import build_trainer


def main() -> None:
    """Read the order, say that all is ready, and train until rank 0 does no longer."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all ranks; training answers it, once there is one
    order = Order(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_rank_0, daemon=True).start()
    folder = RunFolder(Path(order.folder))
    try:
        follow(order, folder)
    except Interrupted as interrupted:
        sys.exit(128 + interrupted.signal_number)
    except (UserError, Diverged) as error:  # rank 0 finds the same, and says it
        sys.exit(f"rank {order.rank}: {error}")
    except Exception:
        folder.error_of(order.rank).write_text(traceback.format_exc())  # rank 0 says it
        sys.exit(1)


def follow(order: Order, folder: RunFolder) -> None:
    """Train and test as one rank of many."""
    quiet()
    # A rank that has had no lane in a whole validation has measured nothing; the others have.
    warnings.filterwarnings(
        "ignore", message=r".*method of metric MeanMetric was called before the ``update``.*"
    )
    config = {**order.config, "logger": None}
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    data = build_data(config)
    task = build_task(config, data.artifacts())
    trainer = build_trainer(
        config, folder, AtomicCheckpointIO({}), None, SingleNodeEnvironment(order.rank, order.port)
    )
    keeper = next(callback for callback in trainer.callbacks if isinstance(callback, Checkpoint))
    print(READY, end="", flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with keeper.answering_signals():
        trainer.fit(task, datamodule=data, ckpt_path=order.checkpoint, weights_only=True)
        if data.test_dataloader():
            chosen = chosen_checkpoint(folder)
            trainer.test(task, datamodule=data, ckpt_path=chosen, weights_only=True, verbose=False)


def _end_with_rank_0() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
