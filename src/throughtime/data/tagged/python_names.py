"""Roles of the names in Python source, by position, from the syntax tree."""

import ast
import re
import sys

from throughtime.data.tagged.python_scopes import (
    ComprehensionNode,
    FunctionNode,
    Scope,
    ScopedNode,
    parameters,
)

SourcePosition = tuple[int, int]
"""A line, from 1, and a column of characters, from 0."""

_BEFORE_NAME = re.compile(r"(?:async\s+)?(?:def|class)\s+")
_PLACES_IN_FSTRINGS = sys.version_info >= (3, 12)


class NameRoles:
    """The roles of the names of a syntax tree.

    Args:
        tree: a module.
        lines: its source.

    Attributes:
        at: the role of the name that begins at a position.
        on: the role of a name that is bound on a line where the tree does not hold its column.
        functions: first and last line of each outermost function, with its decorators.
    """

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self._lines = lines
        self.at: dict[SourcePosition, str] = {}
        self.on: dict[tuple[int, str], str] = {}
        self.functions: list[tuple[int, int]] = []
        self._inside(tree, Scope(tree))

    def _inside(self, node: ast.AST, scope: Scope) -> None:
        for child in ast.iter_child_nodes(node):
            self._mark(child, scope)

    def _mark(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.JoinedStr) and not _PLACES_IN_FSTRINGS:
            return
        if isinstance(node, ast.Name):
            self.at.setdefault(self._place(node), scope.role(node.id))
        elif isinstance(node, ast.arg):
            self.at[self._place(node)] = "parameter"
        elif isinstance(node, ast.keyword) and node.arg is not None:
            self.at[self._place(node)] = "keyword argument"
        elif isinstance(node, ast.Attribute):
            self.at.setdefault(self._end(node, node.attr), "attribute")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            self.at.setdefault(self._end(node.func, node.func.attr), "method")
        elif isinstance(node, ast.ExceptHandler | ast.Global | ast.Nonlocal | ast.pattern):
            self._bound_somewhere(node, scope)
        if isinstance(node, ScopedNode):
            self._open(node, scope)
        else:
            self._inside(node, scope)

    def _open(self, node: ScopedNode, outer: Scope) -> None:
        """Mark what opens a scope: some of it belongs to the scope around."""
        inner = Scope(node, outer)
        if isinstance(node, ComprehensionNode):
            self._mark(node.generators[0].iter, outer)
            self._inside(node, inner)
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._define(node, outer)
        if isinstance(node, FunctionNode):
            own = parameters(node.args)
            for argument in own:
                self.at[self._place(argument)] = "parameter"
            annotations = [argument.annotation for argument in own if argument.annotation is not None]
            for part in [*annotations, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
                self._mark(part, outer)
        for part in node.body if isinstance(node.body, list) else [node.body]:
            self._mark(part, inner)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, outer: Scope) -> None:
        column = self._place(node)[1]
        before = _BEFORE_NAME.match(self._lines[node.lineno - 1], column)
        if before is not None:
            self.at[node.lineno, before.end()] = outer.roles[node.name]
        for decorator in node.decorator_list:
            self._decorate(decorator.func if isinstance(decorator, ast.Call) else decorator)
            self._mark(decorator, outer)
        if isinstance(node, ast.ClassDef):
            for part in [*node.bases, *node.keywords]:
                self._mark(part, outer)
            return
        if node.returns is not None:
            self._mark(node.returns, outer)
        if not isinstance(outer.node, FunctionNode):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            self.functions.append((first, node.end_lineno))

    def _decorate(self, node: ast.AST) -> None:
        if isinstance(node, ast.Attribute):
            self.at[self._end(node, node.attr)] = "decorator"
            self._decorate(node.value)
        elif isinstance(node, ast.Name):
            self.at[self._place(node)] = "decorator"

    def _bound_somewhere(self, node: ast.AST, scope: Scope) -> None:
        last = node.body[0].lineno if isinstance(node, ast.ExceptHandler) else node.end_lineno
        bound = getattr(node, "names", None) or [getattr(node, "name", None), getattr(node, "rest", None)]
        for name in filter(None, bound):
            for line in range(node.lineno, last + 1):
                self.on.setdefault((line, name), scope.role(name))

    def _place(self, node: ast.AST) -> SourcePosition:
        return node.lineno, self._characters(node.lineno, node.col_offset)

    def _end(self, node: ast.AST, name: str) -> SourcePosition:
        """The position of the name at the end of a node."""
        return node.end_lineno, self._characters(node.end_lineno, node.end_col_offset) - len(name)

    def _characters(self, line: int, offset: int) -> int:
        """Characters for the bytes in which the syntax tree counts columns."""
        text = self._lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))
