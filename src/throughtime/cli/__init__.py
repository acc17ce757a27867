"""Command line: arguments of train.py and the scripts, and reports of errors."""
