"""Scopes of Python source: the names that each binds, and their roles."""

import ast
import builtins
from collections.abc import Iterator

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ComprehensionNode = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
ScopedNode = FunctionNode | ast.ClassDef | ComprehensionNode | ast.Module
BUILTINS = frozenset(dir(builtins))


class Scope:
    """The names that a module, a class, a function or a comprehension binds, each with its role.

    A name has the role of its first binding, where parameters come before everything else.

    Args:
        node: what opens the scope.
        outer: the scope around it.
    """

    def __init__(self, node: ScopedNode, outer: "Scope | None" = None) -> None:
        self.node = node
        self.outer = outer
        self.roles: dict[str, str] = {}
        self._elsewhere: dict[str, str] = {}
        for name, role in _bindings(node, self._variable):
            if role in ("global", "nonlocal"):
                self._elsewhere[name] = role
            else:
                self.roles.setdefault(name, role)

    @property
    def _variable(self) -> str:
        if isinstance(self.node, ast.Module):
            return "global"
        return "attribute" if isinstance(self.node, ast.ClassDef) else "local"

    def role(self, name: str) -> str:
        """The role of a name that is used in this scope."""
        scope: Scope | None = self
        if self._elsewhere.get(name) == "global":
            scope = self._module()
        while scope is not None:
            # The names of a class are seen in its own body only, not in its methods.
            visible = scope is self or not isinstance(scope.node, ast.ClassDef)
            if visible and name in scope.roles and name not in scope._elsewhere:
                return scope.roles[name]
            scope = scope.outer
        return "builtin" if name in BUILTINS else "global"

    def _module(self) -> "Scope":
        return self if self.outer is None else self.outer._module()


def _bindings(node: ScopedNode, variable: str) -> Iterator[tuple[str, str]]:
    """The names that are bound directly in a scope, with their roles."""
    if isinstance(node, FunctionNode):
        yield from ((argument.arg, "parameter") for argument in parameters(node.args))
    if isinstance(node, ComprehensionNode):
        yield from _bound([generator.target for generator in node.generators], variable)
    else:
        yield from _bound(node.body if isinstance(node.body, list) else [node.body], variable)


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """The parameters of a function."""
    single = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *single]


def _bound(nodes: list[ast.AST], variable: str) -> Iterator[tuple[str, str]]:
    """The names that these nodes bind, without those of inner scopes."""
    for node in nodes:
        yield from _own(node, variable)
        if not isinstance(node, ScopedNode):
            yield from _bound(list(ast.iter_child_nodes(node)), variable)


def _own(node: ast.AST, variable: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name, "method" if variable == "attribute" else "function"
    elif isinstance(node, ast.ClassDef):
        yield node.name, "class"
    elif isinstance(node, ComprehensionNode):  # the name before := belongs to the scope around
        named = (part.target.id for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
        yield from ((name, variable) for name in named)
    elif isinstance(node, ast.Import):
        yield from ((alias.asname or alias.name.partition(".")[0], "module") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((alias.asname or alias.name, "imported") for alias in node.names)
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from ((name, type(node).__name__.lower()) for name in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id, variable
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name, variable
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest, variable
