"""Engines: how a cell is run over T steps and differentiated."""

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
