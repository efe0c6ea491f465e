"""Side-by-side runs against peers and ceilings: ``python -m benchmarks``; results go to docs/benchmarks.md."""
