"""The notebooks, executed again by the code as it is, against the figures that they show."""

import ast
import json
from pathlib import Path

import matplotlib
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["porous", "electrode", "design"])
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_it_gives_the_figures_that_it_shows(name, tmp_path, monkeypatch):
    """Rounding differs between machines, so that voxels may; figures of 64^3 hardly do."""
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    namespace = {"__name__": "__main__"}
    for cell in cells:
        exec(compile("".join(cell["source"]), name, "exec"), namespace)
    matplotlib.pyplot.close("all")
    (shown,) = [
        ast.literal_eval("".join(output["data"]["text/plain"]))
        for output in cells[-1]["outputs"]
        if output["output_type"] == "execute_result"
    ]
    assert shown == pytest.approx(namespace["figures"], abs=0.02)
    assert len(shown) >= 4 and not list(tmp_path.iterdir())
