"""Tests of digits_core.data, and makers of the pictures, archives and folders that they need."""
