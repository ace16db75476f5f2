"""The attack on the study: ``PYTHONPATH=.:tests python -m attack inputs kills planted injections [--seed N]``.

Each of the modules has ``main(seed) -> counts``; a count named "failed" is a defect, and makes the exit status 1.
"""

import argparse
import importlib
import sys

parser = argparse.ArgumentParser(prog="attack")
parser.add_argument("what", nargs="+", choices=["inputs", "kills", "planted", "injections"])
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()
failed = 0
for name in given.what:
    counts = importlib.import_module(f"attack.{name}").main(given.seed)
    print(f"{name}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}", flush=True)
    failed += counts.get("failed", 0)
sys.exit(failed > 0)
