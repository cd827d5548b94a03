"""Several runs or volumes, each judged against the micrographs or the volume that all share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.data.volume_file import read_volume_file
from recon.core.errors import ReconError
from recon.core.recipe import Recipe
from recon.core.storage.budget import measure_available
from recon.core.storage.limits import missing_error
from recon.core.storage.toml_file import read_toml
from recon.core.storage.zarr_store import is_zarr
from recon.validation.comparison.compare import compare
from recon.validation.report.side_by_side import Judged
from recon.workflow.assess import Sample, open_sample
from recon.workflow.central_part import open_central_parts
from recon.workflow.conclude import find_embedded

if TYPE_CHECKING:
    from recon.validation.comparison.subvolumes import Progress

RECIPE = "recipe.toml"


def compare_runs(
    paths: Sequence[Path],
    against: str | Path | None = None,
    *,
    classifier: bool = True,
    progress: "Progress" = lambda what, done, total, state: None,
) -> tuple[list[Judged], Sample]:
    """Each by itself, and what all were compared with.

    paths    folders of runs, or volumes
    against  micrographs or a volume; when not given, the micrographs that all of them are of

    Those of one shape are compared together, so that the reference is measured once.
    """
    if len(paths) < 2:
        raise ReconError(
            f"two runs or volumes at least are needed, got {len(paths)}; `recon measure` judges one"
        )
    for path in paths:
        if not path.exists():
            raise missing_error(path, "run or volume")
    reference = find_reference(paths) if against is None else open_sample(against)
    available = measure_available()
    memory = None if available is None else available // len(paths)
    opened = [open_run(path, memory) for path in paths]
    judged: dict[int, Judged] = {}
    names = name_runs(paths)
    for shape in dict.fromkeys(volumes[0].shape for volumes in opened):
        alike = [number for number, one in enumerate(opened) if one[0].shape == shape]
        together = [volume for number in alike for volume in opened[number]]
        comparison = compare(together, reference, classifier=classifier, progress=progress)
        begin = 0
        for number in alike:
            end = begin + len(opened[number])
            own = comparison.select(list(range(begin, end)))
            judged[number] = Judged(names[number], opened[number], own)
            begin = end
    return [judged[number] for number in range(len(paths))], reference


def name_runs(paths: Sequence[Path]) -> list[str]:
    """Last parts of the paths, as many as tell them apart."""
    parts = [path.absolute().parts for path in paths]
    if len(set(parts)) < len(parts):
        twice = next(path for path in paths if parts.count(path.absolute().parts) > 1)
        raise ReconError(f"{twice} is given twice; name each run or volume once")
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-count:]) for each in parts]
        if len(set(names)) == len(names):
            break
    return names


def open_run(path: Path, memory: int | None = None) -> list[Volume]:
    """Volumes of the folder of a run, or the one of the path."""
    if path.is_dir() and not is_zarr(path):
        return open_central_parts(_list_volumes(path), memory)
    sample = open_sample(path)
    if not isinstance(sample, Volume):
        raise ReconError(f"{path} holds micrographs; give them as against=, and runs or volumes")
    return [sample]


def find_reference(paths: Sequence[Path]) -> Micrographs:
    """The micrographs that all of the runs and volumes are of, as their recipes say."""
    recipes = {path: _read_recipe(path) for path in paths}
    found = {path: _name_source(recipe) for path, recipe in recipes.items()}
    for path, source in found.items():
        if source is None:
            raise ReconError(
                f"{path} does not record its micrographs; give a reference by against="
            )
    if len(set(found.values())) > 1:
        said = ", ".join(f"{path} of {source}" for path, source in found.items())
        raise ReconError(f"all must be of the same micrographs, got {said}; give against=")
    recipe = recipes[paths[0]]
    assert recipe is not None
    known = Micrographs.open(recipe.micrographs) if recipe.micrographs else find_embedded(recipe)
    assert known is not None
    return known


def _read_recipe(path: Path) -> Recipe | None:
    """Of a run that in its folder, of a volume that in its attributes."""
    if path.is_dir() and (path / RECIPE).is_file():
        return Recipe.from_table(read_toml(path / RECIPE, "recipe"))
    if not path.is_dir() or not is_zarr(path):
        return None
    table = (read_volume_file(path)["provenance"] or {}).get("recipe")
    return Recipe.from_table(table) if isinstance(table, dict) else None


def _name_source(recipe: Recipe | None) -> str | None:
    """The path of the micrographs, or the name of the embedded example."""
    if recipe is None:
        return None
    if recipe.micrographs:
        return str(Path(recipe.micrographs).absolute())
    return (recipe.weights or "the default example") if find_embedded(recipe) else None


def _list_volumes(path: Path) -> list[Path]:
    found = sorted(path.glob("*.zarr"))
    if not found:
        raise ReconError(f"{path} holds no *.zarr; give a volume or the folder of a finished run")
    return found
