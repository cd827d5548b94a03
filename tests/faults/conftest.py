"""Faults are injected by what benchmarks/faults runs at length: its modules are imported here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "faults"))

# They fork, send signals and limit memory as POSIX systems do.
collect_ignore = ["test_kill.py", "test_surroundings.py"] if sys.platform == "win32" else []
