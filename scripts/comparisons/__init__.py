"""What the scripts that compare runs have in common."""
