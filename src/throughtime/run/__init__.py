"""Runs: data, task and trainer are built, trained, tested and recorded in a folder."""
