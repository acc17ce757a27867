"""The base class of parts that a task brings besides its model and head."""


class TaskPart:
    """A part of a task that a configuration may name at `task.<name>`, such as a backtest."""
