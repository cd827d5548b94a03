"""The study's modules are those of scripts: their folders are put on the path."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("benchmarks/reconstruction", "studies"):
    sys.path.insert(0, str(ROOT / folder))
