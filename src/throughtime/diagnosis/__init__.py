"""Diagnosis of gradients through time: their norm by lag, the Jacobians of a step, saturation, and a verdict."""
