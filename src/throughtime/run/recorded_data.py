"""Files that a recorded configuration names, and whether they are those that its run was trained on.

A folder or a checkpoint from elsewhere may name any file of the user's. That the run was trained on it shows only in
its checksum, which nobody knows who cannot read the file. Other files are read where the user names them.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.config.override_syntax import quoted_form
from throughtime.config.trust import is_trusted
from throughtime.errors import UserError
from throughtime.run.folder import DATA_PATHS, RunFolder
from throughtime.run.recorded_files import read_object

if TYPE_CHECKING:
    from throughtime.data.base import DataModule

ORIGIN = "init_from"
"""The entry of environment.json with the checkpoint whose weights a run began with."""


def named_files(typed: Iterable[str]) -> frozenset[str]:
    """The keys of files that the words of a command name, such as `data.path`."""
    keys = (word.lstrip("+").partition("=")[0] for word in typed if "=" in word)
    return frozenset(key for key in keys if names_file(key))


def names_file(key: str) -> bool:
    """Whether the value of a key is a file that a run reads: of its data, or the checkpoint that it begins with."""
    group, _, place = key.partition(".")
    # The last part, or the first one: data.path.NAME is the file of one of several tasks.
    return key == ORIGIN or (
        group == "data" and not {place.rpartition(".")[2], place.partition(".")[0]}.isdisjoint(DATA_PATHS)
    )


def unrecorded_files(
    data: "DataModule", fingerprint: Mapping[str, Any], named: Collection[str] = ()
) -> dict[str, str]:
    """The files of data that are not known to be those of a fingerprint, by their keys; empty where all are.

    Args:
        data: read from the files that a recorded configuration names.
        fingerprint: of the data that the run was trained on; where it holds no checksum, files below the working
            folder that are not hidden are taken for them.
        named: keys of files that the user has named on the command line, which may be any.
    """
    paths = {key: str(path) for key, path in data.paths().items() if path is not None}
    # data.path={a: …, b: …} names data.path.a and data.path.b.
    by_user = {key for key in paths if any(f"{key}.".startswith(f"{one}.") for one in named)}
    files = {key: path for key, path in paths.items() if key not in by_user}
    if not files:
        return {}
    recorded, now = _checksums(fingerprint), plain_fingerprint(data)
    others = {paths[key] for key in by_user}
    if recorded:
        is_known = _checksums(now, others) <= recorded
    else:  # code of the user's own may give no checksums
        is_same = is_trusted(f"{type(data).__module__}.") and now == fingerprint
        is_known = is_same or all(map(_lies_here, files.values()))
    return {} if is_known else files


def plain_fingerprint(data: "DataModule") -> dict[str, Any]:
    """The identity of the data in containers that JSON and a checkpoint can hold."""
    return json.loads(json.dumps(data.fingerprint(), default=str))


def recorded_fingerprint(run: RunFolder) -> dict[str, Any]:
    """The identity of the data in the environment.json of a run; empty where there is none."""
    return _recorded(run, "data")


def check_files(
    data: "DataModule", fingerprint: Mapping[str, Any], run: str, command: str, named: Collection[str]
) -> None:
    """Raise `UserError` unless the data that a run is to train on again are its own, or named by the user.

    Args:
        data, fingerprint, named: as of `unrecorded_files`.
        run: the folder whose configuration names the data.
        command: `resume` or `rerun`.
    """
    files = unrecorded_files(data, fingerprint, named)
    if files:
        words = " ".join(_word(key, path) for key, path in files.items())
        raise UserError(
            f"{', '.join(files.values())}: these are not the data that {run} was trained on, or they have changed "
            f"since; name them to train on them: python train.py {_word(command, run)} {words}"
        )


def check_origin(run: RunFolder, path: str, checksum: str) -> None:
    """Raise `UserError` unless a repeated run begins with the checkpoint that it began with.

    Args:
        run: the original.
        path: `init_from` of its configuration.
        checksum: of the checkpoint that was found there.
    """
    if _recorded(run, ORIGIN).get("sha256") != checksum:
        raise UserError(
            f"init_from={path}: this is not the checkpoint that {run.path} began with; name it to begin with it: "
            f"python train.py {_word('rerun', str(run.path))} {_word('init_from', path)}"
        )


def _word(key: str, path: str) -> str:
    """The word of a command that names a file, with quotes where Hydra's grammar needs them."""
    word = f"{key}={path}"
    return word if re.fullmatch(r"[\w./*+-]+", path, re.ASCII) else quoted_form(word) or word


def _recorded(run: RunFolder, entry: str) -> dict[str, Any]:
    """An entry of a run's environment.json; empty where there is none."""
    try:
        found = read_object(run.environment).get(entry)
    except UserError:
        return {}
    return found if isinstance(found, dict) else {}


def _lies_here(file: str) -> bool:
    """Whether a file lies below the working folder, and neither it nor a folder on the way is hidden."""
    path, here = Path(file).resolve(), Path.cwd()
    return path.is_relative_to(here) and not any(
        part.startswith(".") for part in path.relative_to(here).parts
    )


def _checksums(fingerprint: Any, without: Collection[str] = ()) -> set[str]:
    """The checksums in a fingerprint of data, without those of the files that `without` names."""
    if isinstance(fingerprint, Mapping):
        if fingerprint.get("path") in without:
            return set()
        own = {str(value) for name, value in fingerprint.items() if name == "sha256"}
        return own.union(*(_checksums(value, without) for value in fingerprint.values()))
    if isinstance(fingerprint, list | tuple):
        return set().union(*(_checksums(one, without) for one in fingerprint))
    return set()
