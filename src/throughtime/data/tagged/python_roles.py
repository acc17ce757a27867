"""Python source as tagged sentences: tokens by `tokenize`, their grammatical roles by `ast`."""

import ast
import io
import keyword
import sysconfig
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from throughtime.data.tagged.python_names import NameRoles
from throughtime.data.tagged.sentences import Format, Sentence, SentenceTags, lines_of
from throughtime.data.text.source import Document
from throughtime.errors import UserError, check_positive

ROLES = {tokenize.OP: "operator", tokenize.NUMBER: "number", tokenize.STRING: "string"}
F_STRING_PARTS = frozenset(
    getattr(tokenize, name)
    for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    if hasattr(tokenize, name)
)
TOKENS = {tokenize.NAME, *ROLES, *F_STRING_PARTS}
SMALLEST, LARGEST = 8_000, 60_000
"""The bytes of a module that is chosen from the standard library."""


class PythonRoles(Format):
    """Keywords, operators, numbers and strings; and for names what they are: a function, a parameter, ...

    | role | a name that is |
    |---|---|
    | parameter, local | bound in the function, as one of its parameters or otherwise |
    | function, class, global | defined in the module as such; a global is any other variable of it |
    | method, attribute | after a dot, called or not; also what a class's body defines |
    | module, imported | bound by `import`, or by `from ... import` |
    | builtin, keyword argument, decorator | as Python's reference calls it |

    A name's role follows from its binding, which may be far before it, so a sentence is a whole function with
    its decorators, or a logical line outside functions. Longer ones are cut between logical lines. Comments
    and indentation are no tokens. Written are lines of token, tab and role, as CoNLL files have them.

    Args:
        longest: the tokens that a sentence has at most.
        modules: how many modules of the standard library are read where no path is given.
    """

    whole_files: ClassVar[bool] = True
    signs: ClassVar[frozenset[str]] = frozenset({"keyword", "operator", "number", "string"})

    def __init__(self, longest: int = 150, modules: int = 70) -> None:
        check_positive(longest=longest, modules=modules)
        self.longest = longest
        self.modules = modules

    def state(self) -> dict[str, Any]:
        return {"longest": self.longest, "modules": self.modules}

    shipped_name: ClassVar[str] = "the source of Python's standard library"

    def shipped(self) -> list[Document]:
        """A choice of the standard library's modules of medium size; the same ones in every run."""
        root = Path(sysconfig.get_path("stdlib"))
        fitting = [path for path in sorted(root.glob("*.py")) if SMALLEST <= path.stat().st_size <= LARGEST]
        order = np.random.default_rng(0).permutation(len(fitting))[: self.modules]
        return [Document(fitting[place], "utf-8") for place in order]

    def read(self, document: Document, tagged: bool = True) -> list[Sentence]:
        lines = lines_of(document)
        source = "\n".join(lines)
        names: NameRoles | None = None
        try:
            names = NameRoles(ast.parse(source), lines)
        except (SyntaxError, ValueError) as error:
            if tagged:
                line = getattr(error, "lineno", None)
                raise _not_python(document.name, line, getattr(error, "msg", str(error))) from None
        sentences = []
        for group in _groups(_statements(source, document.name), names.functions if names else []):
            for piece in _cut(group, self.longest):
                tokens = [token for statement in piece for token in statement]
                tags = (
                    tuple(role for statement in piece for role in _roles(statement, names)) if names else ()
                )
                texts = tuple(token.string for token in tokens)
                sentences.append(Sentence(texts, tags, document.name, tokens[0].start[0]))
        return sentences

    def write(self, sentences: Sequence[Sentence], predictions: Sequence[SentenceTags]) -> str:
        texts = []
        for sentence, prediction in zip(sentences, predictions, strict=True):
            tokens = [" ".join(token.split()) for token in sentence.tokens]
            rows = zip(tokens, *prediction.columns(), strict=True)
            texts.append("".join("\t".join(row) + "\n" for row in rows))
        return "\n".join(texts)


Statement = list[tokenize.TokenInfo]


def _not_python(name: str, line: int | None, message: str) -> UserError:
    return UserError(f"{name}, line {line or 1} is not Python: {message}")


def _statements(source: str, name: str) -> Iterator[Statement]:
    """The tokens of each logical line."""
    statement: Statement = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NEWLINE and statement:
                yield statement
                statement = []
            elif token.type in TOKENS and token.string:
                statement.append(token)
    except tokenize.TokenError as error:
        raise _not_python(name, error.args[1][0], error.args[0]) from None
    except SyntaxError as error:
        raise _not_python(name, error.lineno, error.msg) from None
    if statement:
        yield statement


def _groups(statements: Iterator[Statement], functions: list[tuple[int, int]]) -> Iterator[list[Statement]]:
    """The logical lines of each function together, every other one alone."""
    last_line = {line: last for first, last in functions for line in range(first, last + 1)}
    group: list[Statement] = []
    end = 0
    for statement in statements:
        line = statement[0].start[0]
        if line > end:
            if group:
                yield group
            group, end = [], last_line.get(line, line)
        group.append(statement)
    if group:
        yield group


def _cut(group: list[Statement], longest: int) -> Iterator[list[Statement]]:
    """Pieces of at most `longest` tokens; only a logical line that is longer itself is cut inside."""
    piece: list[Statement] = []
    size = 0
    for statement in group:
        for start in range(0, len(statement), longest):
            part = statement[start : start + longest]
            if size + len(part) > longest:
                yield piece
                piece, size = [], 0
            piece.append(part)
            size += len(part)
    yield piece


def _roles(statement: Statement, names: NameRoles) -> Iterator[str]:
    """The role of each token of a logical line."""
    opening, importing = statement[0].string, False
    for token in statement:
        if token.type != tokenize.NAME:
            yield ROLES.get(token.type, "string")
        elif keyword.iskeyword(token.string):
            importing = importing or token.string == "import"
            yield "keyword"
        elif opening in ("import", "from"):
            yield "imported" if importing and opening == "from" else "module"
        else:
            line = token.start[0]
            yield names.at.get(token.start) or names.on.get((line, token.string)) or _soft(token.string)


def _soft(name: str) -> str:
    """The role of a name that the syntax tree does not hold: `match`, `case` and `type` as keywords."""
    return "keyword" if name in keyword.softkwlist else "string"
