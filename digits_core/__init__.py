"""DIGITS: see your pictures, train on them, watch it live and ship it, on your own machines."""

__version__ = "0.1.0"
