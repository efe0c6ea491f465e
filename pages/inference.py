"""Inference."""

from digits_core.ui.frame import head

head("Inference")
