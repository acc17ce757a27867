"""Engines: ways to run a cell over T steps and to differentiate that run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "auto": ["Auto"],
        "base": ["Engine"],
        "bptt.engine": ["BackpropagationThroughTime"],
        "compiler.engine": ["Fused"],
        "reference": ["Reference"],
        "scan": ["Scan"],
        "torch_kernels.engine": ["TorchKernels"],
    },
)
