"""Heads: an output layer with its loss and its prediction."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Head"],
        "bernoulli": ["Bernoulli"],
        "bivariate_mixture": ["BivariateMixture"],
        "crf": ["CRF"],
        "ctc": ["CTC"],
        "gaussian": ["Gaussian"],
        "nade": ["NADE"],
        "negative_binomial": ["NegativeBinomial"],
        "point": ["Point"],
        "quantile": ["Quantile"],
        "sigmoid": ["Sigmoid"],
        "softmax": ["Softmax"],
        "student_t": ["StudentT"],
    },
)
