"""Study of a search: an Optuna study in a SQLite file in the sweep's folder, from which a search resumes.

SQLite instead of Optuna's journal file: after SIGKILL in the middle of a write SQLite rolls the write back, while a
journal keeps half a line and cannot be read again.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna import Study
from optuna.exceptions import OptunaError
from optuna.samplers import BaseSampler
from sqlalchemy.exc import SQLAlchemyError

from throughtime.callback.pruning import STUDY, STUDY_FILE, open_storage
from throughtime.errors import UserError


def create_study(folder: Path, directions: Sequence[str]) -> None:
    """Create a study in the sweep's folder atomically; an existing one stays.

    Args:
        folder: the sweep's folder.
        directions: `minimize` or `maximize` for each objective.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / STUDY_FILE
    if path.exists():
        return
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    storage = open_storage(unfinished)
    optuna.create_study(study_name=STUDY, storage=storage, directions=list(directions))
    storage.remove_session()
    storage.engine.dispose()
    os.replace(unfinished, path)


def open_study(folder: Path, sampler: BaseSampler) -> Study:
    """The study in the sweep's folder.

    Raises:
        UserError: the file is missing, damaged, or holds no study.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / STUDY_FILE
    if not path.is_file():
        raise UserError(f"{path}: there is no such file, so the search cannot go on; start it anew")
    try:
        return optuna.load_study(study_name=STUDY, storage=open_storage(path), sampler=sampler)
    except (SQLAlchemyError, OptunaError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path} is damaged or not the study of a search ({reason}); start it anew"
        ) from error
