"""Model Store."""

from digits_core.ui.frame import head

head("Model Store")
