"""Strings as the code points of their characters, until an alphabet or a vocabulary turns them into ids."""

import numpy as np
from jaxtyping import Integer

CodePoints = Integer[np.ndarray, " n"]
"""A string as the code points of its characters."""


def code_points(text: str) -> CodePoints:
    """The code points of a string."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)


def text_of(points: CodePoints) -> str:
    """The inverse of `code_points`."""
    return points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
