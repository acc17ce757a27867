"""The command line under torchrun or srun: rank 0 reads it, the other ranks join its run.

Where the launcher starts the processes again after a failure, the run goes on from its newest checkpoint. The command
names the run's folder by `hydra.run.dir`, as a restarted process knows nothing else of the run before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from throughtime.config.override_syntax import quoted
from throughtime.distributed.place import Place, external_place
from throughtime.errors import UserError
from throughtime.run.folder import RunFolder

FOLDER = "hydra.run.dir="
SWEEP_WORDS = ("-m", "--multirun")


@contextmanager
def led_by_rank_0() -> Iterator[Place | None]:
    """Inside this block, which only rank 0 enters, a command runs; the other ranks take part in its run and exit.

    Yields:
        The place of rank 0; None where no external launcher has started this process.
    """
    place = external_place()
    if place is None:
        yield None
        return
    from throughtime.distributed.external import connect, dismiss  # only now: this imports torch

    if place.rank > 0:
        from throughtime.run.worker import join

        join(place)
        raise SystemExit(0)
    exit_code = 0
    try:
        yield place
    except SystemExit as leaving:
        exit_code = leaving.code if isinstance(leaving.code, int) else 1
        raise
    except BaseException as error:
        exit_code = 2 if isinstance(error, UserError) else 1
        raise
    finally:
        dismiss(connect(place), exit_code)


def launched_arguments(words: list[str], place: Place, changeable: tuple[str, ...]) -> list[str]:
    """The arguments of rank 0: those typed, or after a restart those that go on from the newest checkpoint.

    Args:
        words: the command line.
        place: of rank 0.
        changeable: the beginnings of words that a resumed run may be given.

    Raises:
        UserError: the command starts a sweep, or may be restarted and does not name the run's folder.
    """
    if not set(SWEEP_WORDS).isdisjoint(words):
        raise UserError(
            f"-m: a sweep starts processes of its own; run it without {place.launcher}, with a launcher of "
            "conf/hydra/launcher"
        )
    if not place.max_restarts or any(word.startswith("resume=") for word in words):
        return words
    named = [word.removeprefix(FOLDER).strip("'\"") for word in words if word.startswith(FOLDER)]
    if not named or "${" in named[-1]:
        raise UserError(
            f"{place.launcher} may start this command again, and then it goes on from the run's folder, which it must "
            "name: hydra.run.dir=runs/my-run"
        )
    checkpoints = RunFolder(Path(named[-1])).checkpoints
    if not place.restarts or not any(checkpoints.glob("[!.]*")):
        return words
    kept = [
        word for word in words if word.lstrip("+~").startswith(changeable) and not word.startswith(FOLDER)
    ]
    return [*kept, f"resume={quoted(named[-1])}"]
