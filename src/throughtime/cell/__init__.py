"""Recurrent cells, one recurrence a module."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "additive": ["Additive"],
        "antisymmetric": ["Antisymmetric"],
        "augmented_lstm": ["AugmentedLSTM"],
        "base": ["Cell", "State"],
        "conv_lstm": ["ConvLSTM"],
        "cornn": ["CoRNN"],
        "coupled_lstm": ["CoupledLSTM"],
        "elman": ["Elman"],
        "gru": ["GRU"],
        "indrnn": ["IndRNN"],
        "layernorm_gru": ["LayerNormGRU"],
        "layernorm_lstm": ["LayerNormLSTM"],
        "lem": ["LEM"],
        "ligru": ["LiGRU"],
        "linear_recurrence": ["LinearRecurrence"],
        "lru": ["LRU"],
        "lstm": ["LSTM"],
        "mgu": ["MGU"],
        "mingru": ["MinGRU"],
        "minlstm": ["MinLSTM"],
        "rglru": ["RGLRU"],
        "shared_reader_lstm": ["SharedReaderLSTM"],
        "slstm": ["SLSTM"],
        "unitary": ["Unitary"],
        "zoneout": ["Zoneout"],
    },
)
