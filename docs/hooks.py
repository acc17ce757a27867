"""Hooks of the site's build: equations as MathML, and the list of public names of each package.

Both work without a network: browsers render MathML themselves, and names are read from the packages' `__init__.py`.
"""

import ast
import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

SOURCE = Path(__file__).resolve().parent.parent / "src"
EQUATION = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
PUBLIC = "<!-- public names -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the mark of public names by a heading for each package and a docstring for each of its names."""
    return markdown.replace(PUBLIC, "\n\n".join(map(_section, packages())))


def on_page_content(content: str, **_: Any) -> str:
    """Replace each equation that arithmatex has marked by MathML."""
    return EQUATION.sub(_mathml, content)


def packages() -> list[str]:
    """The dotted names of all packages that list public names."""
    folders = sorted(path.parent.relative_to(SOURCE) for path in SOURCE.glob("throughtime/**/__init__.py"))
    return [name for name in (".".join(folder.parts) for folder in folders) if public_names(name)]


def public_names(package: str) -> list[tuple[str, str]]:
    """The names that a package's `__init__.py` lists, each with the path of its definition.

    Args:
        package: dotted, such as `throughtime.cell`.
    """
    path = SOURCE.joinpath(*package.split("."), "__init__.py")
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    listed = {word.arg: word.value for call in calls for word in call.keywords}
    modules = ast.literal_eval(listed["submod_attrs"]) if "submod_attrs" in listed else {}
    return sorted(
        (f"{package}.{name}", f"{package}.{module}.{name}")
        for module, names in modules.items()
        for name in names
    )


def _section(package: str) -> str:
    return "\n\n".join([f"## {package}", *map(_entry, public_names(package))])


def _entry(names: tuple[str, str]) -> str:
    public, defined = names
    return (
        f"::: {defined}\n    options:\n      heading: {public}\n      toc_label: {public.rpartition('.')[2]}"
    )


def _mathml(match: re.Match[str]) -> str:
    block = match[1] == "div"
    return convert(html.unescape(match[3].strip()), display="block" if block else "inline")
