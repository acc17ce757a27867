"""Time series: tables, splits by time, scaling, windows and lanes; and series with a class each."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data": ["SeriesData"],
        "distortions": ["Distortions"],
        "labelled_series": ["LabelledSeries"],
        "pmdarima_series": ["AirPassengers", "Sunspots", "Taylor"],
        "series": ["SeriesSet", "SeriesSource", "make_series"],
        "table_series": ["TableData"],
    },
)
