"""The matrix product of the BLAS library that torch itself uses, as an address for compiled code."""

import ctypes
from functools import cache
from pathlib import Path

import torch


@cache
def gemm(precision: torch.dtype) -> int | None:
    """The address of sgemm or dgemm; None where neither torch nor scipy has one, and a plain loop must do."""
    name = {torch.float32: "sgemm", torch.float64: "dgemm"}[precision]
    return _of_torch(name) or _of_scipy(name)


def _of_torch(name: str) -> int | None:
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*")):
        try:
            return ctypes.cast(getattr(ctypes.CDLL(str(path)), f"{name}_"), ctypes.c_void_p).value
        except (OSError, AttributeError):
            continue
    return None


def _of_scipy(name: str) -> int | None:
    try:
        from scipy.linalg import cython_blas
    except ImportError:
        return None
    capsule = cython_blas.__pyx_capi__[name]
    get_name, get_pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get_pointer(capsule, get_name(capsule))
