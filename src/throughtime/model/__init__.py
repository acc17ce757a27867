"""Models: input layers, recurrent layers, and forecasting models made of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "forecast.base": ["Forecaster"],
        "forecast.direct": ["Direct"],
        "forecast.encoder_decoder": ["EncoderDecoder"],
        "forecast.recursive": ["Recursive"],
        "forecast.segments": ["Segments"],
        "inputs.characters": ["ConvolutionalCharacters", "RecurrentCharacters"],
        "inputs.embedding": ["Embedding"],
        "inputs.linear": ["Linear"],
        "inputs.words": ["Words"],
        "layers.bidirectional": ["Bidirectional"],
        "layers.stack": ["Stack"],
        "sequence": ["SequenceModel"],
    },
)
