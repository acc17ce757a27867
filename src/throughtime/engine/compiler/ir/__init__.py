"""Intermediate representation: a step and its backward pass as expressions of one lane and one feature."""
