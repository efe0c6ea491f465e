"""Datasets."""

from digits_core.ui.frame import head

head("Datasets")
