"""Generated data: series, and rules that draw sequences of any length with their targets."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adding": ["Adding"],
        "associative_recall": ["AssociativeRecall"],
        "context_free": ["BracketedArithmetic", "ReverseString", "SolveEquation", "StackManipulation"],
        "context_sensitive": [
            "BinaryAddition",
            "BinaryMultiplication",
            "BucketSort",
            "ComputeSqrt",
            "DuplicateString",
            "MissingDuplicate",
            "OddsFirst",
        ],
        "copying": ["CopyMemory", "DelayedCopy"],
        "flip_flop": ["FlipFlop"],
        "group_words": ["GroupWords"],
        "lorenz": ["Lorenz"],
        "mackey_glass": ["MackeyGlass"],
        "narma10": ["Narma10"],
        "regular": ["CycleNavigation", "EvenPairs", "ModularArithmetic", "ParityCheck"],
        "rule": ["Examples", "Rule"],
        "rule_data": ["RuleData"],
        "temporal_order": ["TemporalOrder"],
        "transduction": ["Transduction"],
    },
)
