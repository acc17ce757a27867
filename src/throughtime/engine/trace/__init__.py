"""Traces: a cell's step as graphs of operators, cached and differentiated."""
