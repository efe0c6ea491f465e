"""System."""

from digits_core.ui.frame import head

head("System")
