"""Callbacks that serve every task."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "averages": ["CheckpointAverage", "ExponentialAverage"],
        "checkpoint": ["Checkpoint"],
        "custom_scalars": ["Layout"],
        "gradient_flow": ["GradientFlow"],
        "gradient_norm": ["GradientNorm"],
        "hyperparameters": ["Hyperparameters"],
        "learning_rate": ["LearningRate"],
        "learning_rate_finder": ["LearningRateFinder"],
        "nonfinite": ["NonFinite"],
        "progress": ["Progress"],
        "pruning": ["Pruning"],
        "speed": ["Speed"],
    },
)
