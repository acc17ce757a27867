"""Trust in code of the user's own: packages that the user named on the command line or in the environment.

`trust=my_cells` (a package on the path or in the working folder, or a folder) lets a configuration build classes of
that package, each at a place of its kind. The word is kept in the environment of the process, so that the processes
of a sweep or of several devices inherit it. No file can give it.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from throughtime.errors import UserError

VARIABLE = "THROUGHTIME_TRUST"


def take_word(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command without `trust=…`, which is taken into the environment.

    Raises:
        UserError: it names neither a package nor a folder.
    """
    words = [argument.partition("=")[2] for argument in arguments if argument.startswith("trust=")]
    for word in words:
        trust(word)
    make_importable()
    return [argument for argument in arguments if not argument.startswith("trust=")]


def trust(names: str) -> None:
    """Trust packages for this process and those it starts.

    Args:
        names: packages or folders, separated by commas.

    Raises:
        UserError: one of them is neither.
    """
    given = [name.strip().strip("'\"") for name in names.strip("[]").split(",") if name.strip()]
    if not given:
        raise UserError("trust= needs the name of a package or a folder, such as trust=my_cells")
    entries = [*_entries(), *(_entry(name) for name in given)]
    os.environ[VARIABLE] = ",".join(dict.fromkeys(entries))
    make_importable()


def make_importable() -> None:
    """Put the folders of trusted packages on the path, last, so that they hide nothing that is installed."""
    for entry in _entries():
        folder = str(Path(entry).parent) if os.sep in entry else os.getcwd()
        if folder not in sys.path:
            sys.path.append(folder)


def as_override() -> str:
    """The word to add to a train.py command, with a space before it; empty where no package is trusted."""
    return f" {shlex.quote(f'trust={word}')}" if (word := ",".join(_entries())) else ""


def as_option() -> str:
    """The option to add to the command of a script, with a space before it; empty where no package is trusted."""
    return f" --trust {shlex.quote(word)}" if (word := ",".join(_entries())) else ""


def is_trusted(target: str) -> bool:
    """Whether a dotted name lies in a package that the user trusts."""
    return any(target.startswith(f"{Path(entry).name}.") for entry in _entries())


def _entries() -> list[str]:
    """Trusted packages as names, or as absolute paths of their folders."""
    return [_entry(name.strip()) for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]


def _entry(name: str) -> str:
    if os.sep in name or name in (".", ".."):
        folder = Path(os.path.expanduser(name)).resolve()
        if not folder.is_dir() or not folder.name.isidentifier():
            raise UserError(f"trust={name}: there is no folder of this name that Python can import")
        return str(folder)
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"trust={name} is not the name of a package")
    return name
