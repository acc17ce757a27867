"""Input layers: symbols, numbers, images and words to features."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "by_kind": ["Features"],
        "characters": ["ConvolutionalCharacters", "RecurrentCharacters"],
        "conditioned_linear": ["ConditionedLinear"],
        "convolution": ["Convolution"],
        "embedding": ["Embedding"],
        "frame_convolution": ["FrameConvolution"],
        "linear": ["Linear"],
        "task_embedding": ["TaskEmbedding"],
        "words": ["WordFeatures"],
    },
)
