"""The study of Lee & Yun 2023 on real materials, figure by figure.

    python studies FIGURE --data DIR [--out DIR]

DIR of --data holds the tomograms; materials that are generated need none. Networks and volumes are
kept in --out, so that a command that was stopped goes on, and another figure of the same material
takes them from there; the picture, the printed tables and the numbers go to figures/ in it. Recipes
are in studies/recipes.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import click
import matplotlib

sys.path.append(str(Path(__file__).parents[1] / "benchmarks" / "reconstruction"))
matplotlib.use("Agg")

from ablation import ablation  # noqa: E402
from grid import grid  # noqa: E402
from manwart import manwart  # noqa: E402
from others import others  # noqa: E402
from properties import elasticity, orientation, transport  # noqa: E402
from reconstructions import reconstructions  # noqa: E402
from sizes import sizes  # noqa: E402
from study import Study  # noqa: E402
from timing import timing  # noqa: E402
from transfer import transfer  # noqa: E402

COMMANDS: dict[str, Callable[[Study], None]] = {
    "figure05": reconstructions,
    "figure06": grid,
    "figure08": reconstructions,
    "figure09": elasticity,
    "orientation": orientation,
    "figure11": reconstructions,
    "figure12": transport,
    "figureB1": ablation,
    "growth": ablation,
    "control": reconstructions,
    "single-image": reconstructions,
    "transfer": transfer,
    "sizes": sizes,
    "timing": timing,
    "manwart": manwart,
    "manwart-berea": manwart,
    "peers": others,
}


@click.command(help=__doc__)
@click.argument("name", metavar="FIGURE", type=click.Choice(list(COMMANDS)))
@click.option("--data", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path), default=Path("study"), show_default=True)
def main(name: str, data: Path | None, out: Path) -> None:
    COMMANDS[name](Study.of(name, data, out))


if __name__ == "__main__":
    main()
