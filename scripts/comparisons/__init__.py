"""Comparisons of runs: their folders and seeds, and means over seeds."""
