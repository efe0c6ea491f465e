"""Searches for good settings: what may be chosen, which values come next, which training is not worth finishing."""
