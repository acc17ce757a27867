"""Runtime: compile C, allocate buffers, and call compiled functions on tensors."""
