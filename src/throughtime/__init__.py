"""throughtime: experiments with recurrent networks, trained through time."""

__version__ = "0.1.0"
