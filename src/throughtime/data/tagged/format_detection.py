"""Detection of a file's format by its name and its first lines."""

from collections import Counter
from itertools import islice
from typing import Any

from throughtime.data.tagged.conll import Conll
from throughtime.data.tagged.conllu import CONLLU_COLUMNS, ConllU
from throughtime.data.tagged.parallel import Parallel
from throughtime.data.tagged.plain_text import PlainText
from throughtime.data.tagged.python_roles import PythonRoles
from throughtime.data.tagged.sentences import Format, lines_of
from throughtime.data.text.source import Document

FILE_FORMATS: dict[str, type[Format]] = {
    kind.__name__: kind for kind in (Conll, ConllU, Parallel, PythonRoles, PlainText)
}
LOOKED_AT = 50
"""Lines by which columns are distinguished from running text."""


def format_from_state(state: dict[str, Any]) -> Format:
    """The inverse of `{"name": ..., **format.state()}`."""
    arguments = {key: value for key, value in state.items() if key != "name"}
    return FILE_FORMATS[state["name"]](**arguments)


def recognise_format(document: Document, trained: Format) -> Format:
    """The format of a file, with the settings of `trained` where it is of the same.

    A file that ends in `.py` is Python; ten columns between tabs are CoNLL-U, other columns CoNLL; lines of a
    token each are CoNLL without tags; a name that the trained format of parallel files fits is one of those;
    everything else is plain text.
    """
    if document.path is not None and document.path.suffix in (".py", ".pyi"):
        return trained if isinstance(trained, PythonRoles) else PythonRoles()
    if isinstance(trained, Parallel) and document.path is not None and trained.fits(document.path.name):
        return trained
    lines = [line for line in lines_of(document) if line.strip() and not line.startswith("#")]
    lines = list(islice(lines, LOOKED_AT))
    # The most frequent number of tabs, not that of every line: one that lacks some is malformed, and no plain text.
    tabs = Counter(line.count("\t") for line in lines).most_common(1)[0][0] if lines else 0
    if tabs == len(CONLLU_COLUMNS) - 1:
        return trained if isinstance(trained, ConllU) else ConllU()
    columns = {tabs + 1} if tabs else {len(line.split()) for line in lines}
    # Sentences may all have two words by chance, but hardly three of them.
    if len(columns) == 1 and (tabs or columns == {1} or len(lines) >= 3):
        fits = isinstance(trained, Conll) and trained.token_column <= max(columns)
        return trained if fits else Conll()
    return PlainText()
