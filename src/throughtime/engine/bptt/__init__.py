"""`engine=bptt`: backpropagation through time in PyTorch, on traced steps."""
