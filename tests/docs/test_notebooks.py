"""The notebooks, executed again by the code as it is, against the figures that they show."""

import ast
import json
from pathlib import Path

import matplotlib
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
WITHIN = {"porous": 0.4, "electrode": 0.02, "design": 0.06}
"""How far figures may be off. Rounding differs between processors, and then the volume of a seed
is another one: ratios of error to sampling error, which are near 1 (porous), differed by up to
0.21, means over 8 small volumes (design) by 0.021, and those over 3 of 64^3 (electrode) by 0.0014.
The difference of two such means of design has a 95 % interval of 0.06."""


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_it_gives_the_figures_that_it_shows(name, tmp_path, monkeypatch):
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
    assert shown == pytest.approx(namespace["figures"], abs=WITHIN[name])
    assert len(shown) >= 4 and not list(tmp_path.iterdir())
