"""Forecasting: the next S steps of a series."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "backtest": ["Backtest"],
        "figures": ["ForecastFigures", "ForecastTables"],
        "task": ["Forecasting"],
    },
)
