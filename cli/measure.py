"""`recon measure`: the numbers of a volume, and how far they are from a reference."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import xarray as xr

from recon.cli.completion import materials_names, plugin_names
from recon.cli.fail_on import Condition, classifier_flag, fail_on_flag, judge
from recon.cli.results import to_text
from recon.cli.settings import device_flag, parse_settings, set_flag
from recon.core.catalog import catalog
from recon.core.data.chunked_volume import ChunkedVolume
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError, unknown
from recon.core.kinds import Property
from recon.core.measure import measure_all
from recon.core.options import options
from recon.core.recipe import METRICS, Choice
from recon.core.sampling.device import resolve_device
from recon.core.storage.atomic import atomic_output, check_writable
from recon.imaging.volumes import read_volume
from recon.validation.comparison.sampling_error import SUBVOLUMES
from recon.validation.report import write_report
from recon.workflow.assess import open_sample
from recon.workflow.progress import ProgressDisplay
from recon.workflow.results import to_json
from recon.workflow.whole_volume import fits_into_memory

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison
    from recon.validation.comparison.property_agreement import Solved


@click.command()
@click.argument("volume", type=click.Path(path_type=Path))
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    shell_complete=plugin_names("metric"),
    help="A statistic to measure. May be given many times.",
)
@click.option(
    "--property",
    "properties",
    multiple=True,
    metavar="NAME",
    shell_complete=plugin_names("property"),
    help="A property to compute. May be given many times.",
)
@click.option(
    "--against", type=click.Path(path_type=Path), help="Micrographs or a volume to compare with."
)
@click.option(
    "--voxel-size",
    metavar="LENGTH",
    help="Size of a voxel of VOLUME, such as 0.4um, or three: z,y,x, instead of its own.",
)
@click.option("--dataset", metavar="NAME", help="The array to read, if VOLUME has several.")
@click.option(
    "--subvolumes",
    type=click.IntRange(min=SUBVOLUMES),
    default=SUBVOLUMES,
    show_default=True,
    metavar="N",
    help="Minimum number of real subvolumes of a reference volume.",
)
@classifier_flag
@fail_on_flag
@click.option(
    "--materials",
    metavar="FILE|NAME",
    shell_complete=materials_names,
    help="Elastic constants of the phases, for properties that need them.",
)
@device_flag
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="File for the results (JSON)."
)
@click.option("--report", type=click.Path(path_type=Path), help="File for the report (HTML).")
@click.option(
    "--memory",
    metavar="SIZE",
    help="Memory limit, such as 2GB; the volume is read part by part.",
)
@set_flag("NAME")
def command(
    volume: Path,
    metrics: tuple[str, ...],
    properties: tuple[str, ...],
    against: Path | None,
    voxel_size: str | None,
    dataset: str | None,
    subvolumes: int,
    classifier: bool,
    fail_on: tuple[Condition, ...],
    materials: str | None,
    device: str | None,
    json_file: Path | None,
    report: Path | None,
    memory: str | None,
    settings: tuple[str, ...],
) -> None:
    """Measure a volume, and compare it with micrographs or a volume.

    Without --metric and --property it measures volume fraction, two-point correlation and lineal
    path. With --against it gives a verdict, and the error of each statistic beside its sampling
    error, which is the error of real subvolumes of the same size. Against a volume, each --property
    is also solved for real subvolumes. --set NAME.OPTION=VALUE sets an option of a metric or
    property.

    VOLUME is zarr, or a segmented image in a format that recon import reads, such as TIFF, .npy,
    VTI, NRRD or HDF5.

    A zarr volume that does not fit into memory is read part by part, with the same result, if every
    metric supports this. --memory reads any zarr volume part by part.
    """
    resolve_device(device or "cpu")
    given = metrics or () if metrics or properties else tuple(choice.name for choice in METRICS)
    chosen = _chosen(given, properties, parse_settings(settings), materials, device)
    for file in (json_file, report):
        if file is not None and not file.parent.is_dir():
            raise ReconError(f"cannot write {file}: {file.parent} is no folder; make it first")
        if file is not None:
            check_writable(file)
    if fail_on and against is None:
        raise ReconError("--fail-on judges a comparison; give --against MICROGRAPHS|VOLUME too")
    needing = [flag for flag, given in (("--against", against), ("--report", report)) if given]
    with ProgressDisplay() as progress:
        with progress.during("read"):
            sample = _opened(volume, memory, chosen, needing, voxel_size, dataset)
            reference = open_sample(against) if against else None
        results = _measured(sample, chosen, progress)
        comparison = None
        if reference is not None and isinstance(sample, Volume):
            solved = [(_built(one), [results[one.name]]) for one in chosen["property"]]
            comparison = _compare(
                sample, reference, given, solved, subvolumes, classifier, progress
            )
        if json_file is not None:
            with atomic_output(json_file, replace=True) as partial:
                partial.write_text(to_json(results, comparison))
        if report is not None and isinstance(sample, Volume):
            with progress.during("report"):
                write_report(report, [sample], results, reference, comparison)
    if comparison is not None:
        click.echo(comparison.to_text())
    for name, value in results.items():
        click.echo(f"{name}:\n{to_text(value)}")
    judge(fail_on, comparison.to_table() if fail_on and comparison is not None else None)


def _chosen(
    given: Sequence[str],
    properties: Sequence[str],
    tables: dict[str, dict[str, Any]],
    materials: str | None,
    device: str | None,
) -> dict[str, list[Choice]]:
    """Metrics and properties with the options of --set."""
    for name in tables:
        if name not in (*given, *properties):
            raise unknown("metric or property in --set", name, (*given, *properties))
    return {
        kind: [_choice(kind, name, tables, materials, device) for name in names]
        for kind, names in (("metric", given), ("property", dict.fromkeys(properties)))
    }


def _opened(
    path: Path,
    memory: str | None,
    chosen: dict[str, list[Choice]],
    needing: list[str],
    voxel_size: str | None,
    dataset: str | None,
) -> Volume | ChunkedVolume:
    """The volume in memory, or in parts when asked to or when it does not fit.

    needing  flags given that need it in memory
    """
    if path.is_file() or voxel_size is not None or dataset is not None:
        if memory is not None:
            raise ReconError(
                "--memory reads a zarr volume in parts; leave --voxel-size and --dataset out and "
                "give a zarr volume"
            )
        return read_volume(path, voxel_size, dataset)
    if memory is None:
        plugins = [catalog().entry(kind, one.name).cls for kind in chosen for one in chosen[kind]]
        possible = not needing and all(getattr(cls, "chunked", False) for cls in plugins)
        if not possible or fits_into_memory(path):
            return read_volume(path)
        click.echo(f"{path} does not fit into memory and is read part by part", err=True)
    elif needing:
        raise ReconError(
            f"{needing[0]} needs the whole volume in memory and cannot work in parts; leave it or "
            "--memory out"
        )
    return ChunkedVolume.open(path, memory)


def _measured(
    sample: Volume | ChunkedVolume, chosen: dict[str, list[Choice]], progress: ProgressDisplay
) -> dict[str, xr.DataArray | xr.Dataset]:
    """Results by name, metrics first."""
    total = sum(map(len, chosen.values()))
    begun: list[str] = []

    def report(name: str) -> None:
        progress("measure", len(begun), total, name)
        begun.append(name)

    results = measure_all(sample, chosen["metric"], chosen["property"], report, progress)
    progress("measure", total, total)
    return results


def _compare(
    sample: Volume,
    reference: Volume | Micrographs,
    given: Sequence[str],
    solved: "Sequence[Solved]",
    subvolumes: int,
    classifier: bool,
    progress: ProgressDisplay,
) -> "Comparison":
    """The metrics of every comparison, and the requested ones that can be compared."""
    from recon.validation.comparison.compare import choose_compared, compare  # takes a second

    names, refused = choose_compared(given, sample, reference)
    for name, why in refused.items():
        click.echo(f"{name} is not compared: {why}", err=True)
    return compare(
        [sample],
        reference,
        names,
        classifier=classifier,
        properties=solved,
        subvolumes=subvolumes,
        progress=progress,
    )


def _built(choice: Choice) -> Property:
    solver: Property = catalog().build("property", choice.name, **choice.options)
    return solver


def _choice(
    kind: str,
    name: str,
    tables: dict[str, dict[str, Any]],
    materials: str | None,
    device: str | None,
) -> Choice:
    """The plugin with its options; --materials and --device go to those that know them."""
    known = options(catalog().entry(kind, name).cls)
    shared = {"materials": materials, "device": device}
    given = {key: value for key, value in shared.items() if value is not None and key in known}
    choice = Choice(name, {**given, **tables.get(name, {})})
    catalog().build(kind, name, **choice.options)
    return choice
