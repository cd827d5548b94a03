"""What the tests of several properties share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

Write = Callable[..., str]


@pytest.fixture
def materials(tmp_path: Path) -> Write:
    """A function that writes phases to a file and gives its name."""

    def write(*phases: dict[str, Any]) -> str:
        path = tmp_path / "materials.toml"
        path.write_text(tomli_w.dumps({"unit": "GPa", "phase": list(phases)}))
        return str(path)

    return write
