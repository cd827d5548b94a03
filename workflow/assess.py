"""measure(), compare() and report(): what notebooks ask of volumes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.core.catalog import catalog
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError, shown, unknown
from recon.core.measure import measure_all
from recon.core.recipe import METRICS
from recon.validation.report import write_report
from recon.workflow.progress import ProgressDisplay
from recon.workflow.results import concat_samples

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison

Sample = Volume | Micrographs


def measure(sample: Sample | str | Path, *names: str, **options: Any) -> Any:
    """Measure statistics and properties of a volume or of micrographs, by the names of the plugins.

    options  of the plugin, if there is one: measure(volume, "diffusivity", phases=["pore"])
    returns  the DataArray or Dataset of the plugin; for several plugins {name: result}
    """
    if not names:
        raise ReconError("name what to measure, such as 'two-point'; `recon plugins` lists all")
    if options and len(names) > 1:
        raise ReconError(f"options go with one name, got {', '.join(names)}")
    known = {kind: catalog().names(kind) for kind in ("metric", "property")}
    plugins: dict[str, list[Any]] = {"metric": [], "property": []}
    for name in names:
        kind = next((kind for kind, own in known.items() if name in own), None)
        if kind is None:
            raise unknown("metric or property", name, [*known["metric"], *known["property"]])
        plugins[kind].append(catalog().build(kind, name, **options))
    results = measure_all(open_sample(sample), plugins["metric"], plugins["property"])
    return results[names[0]] if len(names) == 1 else {name: results[name] for name in names}


def compare(
    volumes: Volume | Sequence[Volume], reference: Sample | str | Path, **options: Any
) -> "Comparison":
    """Compare volumes with a material: errors, sampling errors and the verdict.

    volumes    one volume, or several of the same shape
    reference  micrographs, or a real volume larger than the volumes
    options    further options of recon.validation.comparison.compare.compare
    """
    from recon.validation.comparison.compare import compare as compare_all  # takes a second

    with ProgressDisplay() as progress:
        return compare_all(_listed(volumes), open_sample(reference), progress=progress, **options)


def report(
    path: str | Path,
    volumes: Volume | Sequence[Volume],
    reference: Sample | str | Path | None = None,
    comparison: "Comparison | None" = None,
) -> None:
    """Write a report (HTML): slices, curves, numbers and, with a reference, the verdict.

    comparison  the result of `compare`; computed if not given
    """
    samples = _listed(volumes)
    material = None if reference is None else open_sample(reference)
    if comparison is None and material is not None:
        comparison = compare(samples, material)
    each = [measure_all(volume, METRICS) for volume in samples]
    results = {name: concat_samples([one[name] for one in each]) for name in each[0]}
    write_report(path, samples, results, material, comparison)


def open_sample(
    sample: Sample | str | Path, voxel_size: str | None = None, dataset: str | None = None
) -> Sample:
    """A volume or micrographs, opened where a path is given: a zarr folder or a file of labels.

    voxel_size, dataset  as of `imaging.volumes.read_volume`
    """
    if isinstance(sample, Volume | Micrographs):
        return sample
    if not isinstance(sample, str | Path):
        raise ReconError(f"a volume, micrographs or a path is needed, got {shown(sample)}")
    from recon.core.storage.zarr_store import open_store, read_recon_attribute
    from recon.imaging.volumes import read_volume

    path = Path(sample)
    if path.is_file():
        return read_volume(path, voxel_size, dataset)
    kind = read_recon_attribute(open_store(path, "volume"), path, "volume").get("kind", "volume")
    if kind == "micrographs":
        return Micrographs.open(path)
    return read_volume(path, voxel_size)


def _listed(volumes: Volume | Sequence[Volume]) -> list[Volume]:
    return [volumes] if isinstance(volumes, Volume) else list(volumes)
