"""The tests mirror the package: tests/jobs/test_store.py is about digits_core/jobs/store.py."""
