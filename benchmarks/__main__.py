"""Run every benchmark on its built-in sample: ``python -m benchmarks``."""

import subprocess
import sys

for name in ("datasets", "training", "serving", "pages"):
    print(name, flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
