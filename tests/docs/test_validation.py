"""docs/validation.md holds what `studies/summary.py` prints from the results of the study."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
RESULTS = ROOT / "studies" / "results"


def test_the_tables_are_those_of_the_command():
    command = [sys.executable, ROOT / "studies" / "summary.py"]
    env = {**os.environ, "PYTHONSAFEPATH": "", "PYTHONUTF8": "1"}
    run = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", check=True)
    tables = run.stdout.strip().split("\n\n")
    assert len(tables) == 2
    assert all(table in PAGE for table in tables)


def test_every_result_is_described_and_every_picture_shown():
    described = (RESULTS / "README.md").read_text(encoding="utf-8")
    for path in RESULTS.glob("*.json"):
        assert f"]({path.stem}.md)" in described
        assert f"studies {path.stem} " in described
    for picture in RESULTS.glob("*.png"):
        assert f"]({picture.name})" in described


def test_every_figure_of_the_page_has_its_command_and_is_small():
    pictures = sorted((ROOT / "docs" / "pictures" / "study").glob("*.png"))
    for picture in pictures:
        assert f"pictures/study/{picture.name}" in PAGE
        assert f"studies {picture.stem} " in PAGE
        assert picture.stat().st_size < 300_000
    assert len(pictures) > 5
