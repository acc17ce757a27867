"""Diagnosis of gradients through time: their norm by lag, the Jacobians of a step, saturation, and a verdict."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dynamics": ["jacobians", "lyapunov_spectrum", "singular_values", "step_jacobian"],
        "gradient_flow": ["measure_flow"],
        "verdict": ["gradient_verdict"],
    },
)
