"""docs/validation.md holds what the commands of the study have printed."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8").splitlines()
RESULTS = sorted((ROOT / "studies" / "results").glob("*.md"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_the_page_has_what_the_command_printed(path):
    printed = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    assert printed and not [line for line in printed if line not in PAGE]


def test_every_figure_has_its_command_and_is_small():
    pictures = sorted((ROOT / "docs" / "pictures" / "study").glob("*.png"))
    for picture in pictures:
        assert f"pictures/study/{picture.name}" in "\n".join(PAGE)
        assert any(f"studies {picture.stem} " in line for line in PAGE)
        assert picture.stat().st_size < 300_000
    assert len(pictures) > 5
