"""Code generation: C source text of scheduled passes and of matrix products."""
