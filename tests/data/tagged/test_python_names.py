"""Each name has its role at its place."""

import ast

from throughtime.data.tagged.python_names import NameRoles


def roles(source):
    """The roles in the order of their places."""
    names = NameRoles(ast.parse(source), source.split("\n"))
    return [role for _, role in sorted(names.at.items())]


def test_calls_and_attributes():
    assert roles("self.x.f(k=len(y))") == [
        "global",
        "attribute",
        "method",
        "keyword argument",
        "builtin",
        "global",
    ]


def test_definitions_with_decorators():
    source = "@a.b(c)\nclass D(E, metaclass=F):\n    @g\n    async  def h(self, i: J = K) -> L: pass"
    assert roles(source) == [
        *("decorator", "decorator", "global"),
        *("class", "global", "keyword argument", "global"),
        "decorator",
        *("method", "parameter", "parameter", "global", "global", "global"),
    ]


def test_columns_count_characters():
    names = NameRoles(ast.parse("é = 'äöü' + name.upper()"), ["é = 'äöü' + name.upper()"])
    assert names.at == {(1, 0): "global", (1, 12): "global", (1, 17): "method"}


def test_a_default_belongs_to_the_scope_around_and_a_body_to_its_own():
    assert roles("def f(x=x): return x") == ["function", "parameter", "global", "parameter"]
    assert roles("lambda y: y") == ["parameter", "parameter"]
    assert roles("[z for z in z]") == ["local", "local", "global"]


def test_names_without_a_column_are_known_by_their_line():
    source = "def f():\n    global g\n    try: pass\n    except E as e: pass\n    match e:\n        case [*r]: pass"
    names = NameRoles(ast.parse(source), source.split("\n"))
    assert {(2, "g"): "global", (4, "e"): "local", (6, "r"): "local"}.items() <= names.on.items()


def test_outermost_functions_begin_at_their_decorators():
    source = "@a\ndef f():\n    def g():\n        pass\nclass C:\n    def m(self):\n        pass\n"
    assert NameRoles(ast.parse(source), source.split("\n")).functions == [(1, 4), (6, 7)]
