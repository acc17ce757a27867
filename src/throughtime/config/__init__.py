"""Configuration: what it may build, how it is checked, and trust in code of the user's own."""
