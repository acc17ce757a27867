"""Sweeps: jobs that are planned, run by a launcher, resumed and compared."""
