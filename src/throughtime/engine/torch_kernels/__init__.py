"""`engine=torch`: cuDNN, oneDNN and ATen kernels on the parameters of our cells."""
