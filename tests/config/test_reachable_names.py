"""Every name that a configuration can build stands in a reviewed list, and nothing else can be built."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import throughtime
from throughtime.config import registry
from throughtime.errors import UserError

REVIEWED = Path(__file__).with_name("reachable_names.txt")


def reviewed() -> dict[str, list[str]]:
    """The list that was reviewed: names by kind."""
    found: dict[str, list[str]] = {}
    for line in REVIEWED.read_text().splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = names = []
        elif line:
            names.append(line)
    return found


def test_what_can_be_built_is_what_was_reviewed() -> None:
    assert {kind: sorted(registry.names_of_kind(kind)) for kind in registry.KINDS} == reviewed()


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_reviewed_name_is_found_at_a_place_of_its_kind_and_refused_at_the_others(kind: str) -> None:
    for other in registry.KINDS:
        for name in reviewed()[other]:
            if name in reviewed()[kind]:
                assert callable(registry.locate(name, "place", kind).factory)
            else:
                with pytest.raises(UserError, match=r"^place: "):
                    registry.locate(name, "place", kind)


def everything() -> Iterator[str]:
    """The dotted name of every attribute of every module of this package, public or not, its own or imported."""
    for module in pkgutil.walk_packages(throughtime.__path__, "throughtime."):
        if module.name != "throughtime.run.worker":
            yield module.name
            yield from (f"{module.name}.{name}" for name in dir(importlib.import_module(module.name)))


def test_no_other_attribute_of_any_module_can_be_built() -> None:
    allowed = {name for names in reviewed().values() for name in names}
    tried = 0
    for name in everything():
        for kind in registry.KINDS if name not in allowed else ():
            tried += 1
            with pytest.raises(UserError):
                registry.locate(name, "place", kind)
    assert tried > 10_000


def test_no_name_of_another_library_takes_a_path_or_a_function() -> None:
    """Arguments of other libraries' classes are listed one by one; none of them says where to write."""
    for kind in registry.KINDS.values():
        for name, arguments in kind.others.items():
            module, _, attribute = name.rpartition(".")
            parameters = inspect.signature(getattr(importlib.import_module(module), attribute)).parameters
            takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
            for argument in arguments or ():
                assert argument in parameters or takes_any, (name, argument)
                assert argument not in registry.GIVEN_BY_THE_PROGRAM
