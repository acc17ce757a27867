"""Names mean what Python's own symbol table says."""

import ast
import symtable

import pytest

from throughtime.data.tagged.python_scopes import Scope

SOURCE = '''
import os.path, sys as system
from re import compile as make
LIMIT = 3
def outer(first, *rest, key=LIMIT, **more):
    """text"""
    global counter
    counter = len(rest)
    inside = first
    def inner():
        nonlocal inside
        inside = counter
        return more
    try:
        with open(first) as file, file as (a, [b]):
            del file
    except OSError as error:
        print(error, unknown)
    return [first + item for item in rest if (last := item)]
class Thing(Base):
    size = LIMIT
    def method(self):
        return size, self.size
'''


def scope_of(name):
    """The scopes from the module to the function of this name."""
    scope = Scope(ast.parse(SOURCE))
    for part in name.split("."):
        node = next(
            node
            for node in ast.walk(scope.node)
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and node.name == part
            and node is not scope.node
        )
        scope = Scope(node, scope)
    return scope


@pytest.mark.parametrize(
    ("scope", "roles"),
    [
        (
            "outer",
            {
                "first": "parameter",
                "rest": "parameter",
                "key": "parameter",
                "more": "parameter",
                "counter": "global",
                "inside": "local",
                "inner": "function",
                "error": "local",
                "file": "local",
                "b": "local",
                "last": "local",
                "len": "builtin",
                "os": "module",
                "system": "module",
                "make": "imported",
                "LIMIT": "global",
                "Thing": "class",
                "unknown": "global",
            },
        ),
        ("outer.inner", {"inside": "local", "more": "parameter", "first": "parameter", "counter": "global"}),
        ("Thing", {"size": "attribute", "method": "method", "LIMIT": "global"}),
        ("Thing.method", {"self": "parameter", "size": "global", "Thing": "class"}),
    ],
)
def test_a_name_has_the_role_of_its_binding(scope, roles):
    assert {name: scope_of(scope).role(name) for name in roles} == roles


def test_locals_and_parameters_are_those_of_the_symbol_table():
    module = symtable.symtable(SOURCE, "file", "exec")
    outer = next(table for table in module.get_children() if table.get_name() == "outer")
    own = scope_of("outer")
    parameters = {symbol.get_name() for symbol in outer.get_symbols() if symbol.is_parameter()}
    assert parameters == {name for name, role in own.roles.items() if role == "parameter"}
    bound = {symbol.get_name() for symbol in outer.get_symbols() if symbol.is_local()}
    assert bound == set(own.roles) - {"counter"}
