"""Type checks of the package's functions while the tests run, at a small part of what jaxtyping's own hook costs.

jaxtyping opens a scope of axis sizes at every call of a function. Only a function that names shapes needs one; all
others are checked by beartype alone, which is ten times faster.
"""

import dataclasses
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import jaxtyping
from beartype import BeartypeConf
from beartype import beartype as beartype_with
from beartype.roar import BeartypeDecorHintException
from jaxtyping import AbstractArray, install_import_hook

_with_shapes = jaxtyping.jaxtyped
beartype = beartype_with(conf=BeartypeConf(violation_type=TypeError))
"""As jaxtyping's check, it raises the error that Python has for a wrong argument."""


def install(package: str) -> None:
    """Have every module of a package checked that is imported from now on."""
    jaxtyping.jaxtyped = _decorator  # what the hook writes above each function and class
    install_import_hook(package, "beartype.beartype")


def _decorator(*, typechecker: Callable) -> Callable[[Any], Any]:
    return partial(checked, typechecker=typechecker)


def checked(decorated: Any, typechecker: Callable = beartype) -> Any:
    """A function, method or dataclass that checks its annotations when it is called.

    A function inside another one is made anew at every call of that one; it is checked only if it names shapes.
    """
    function = decorated
    if inspect.isclass(decorated):
        if not dataclasses.is_dataclass(decorated):
            return decorated
        function = decorated.__init__
    function = getattr(function, "__func__", getattr(function, "fget", function))
    if any(map(_names_shapes, getattr(function, "__annotations__", {}).values())):
        return _with_shapes(decorated, typechecker=typechecker)
    if "<locals>" in getattr(function, "__qualname__", ""):
        return decorated
    try:
        if not inspect.isclass(decorated):
            return beartype(decorated)
        decorated.__init__ = beartype(decorated.__init__)
        return decorated
    except BeartypeDecorHintException:  # of a generator whose annotation does not say what it yields
        return _with_shapes(decorated, typechecker=typechecker)


def _names_shapes(annotation: Any) -> bool:
    """Whether an annotation has the shape of an array in it; of a text, which is not resolved yet, it may."""
    if isinstance(annotation, str) or (inspect.isclass(annotation) and issubclass(annotation, AbstractArray)):
        return True
    parts = annotation if isinstance(annotation, list) else get_args(annotation)
    return any(map(_names_shapes, parts))
