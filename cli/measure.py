"""`recon measure`: the numbers of a volume, and how far they are from a reference."""

from pathlib import Path
from typing import Any

import click

from recon.cli.results import to_text
from recon.cli.settings import device_flag, parsed, set_flag
from recon.core.atomic import whole
from recon.core.catalog import catalog
from recon.core.equivalence import compare
from recon.core.errors import ReconError, unknown
from recon.core.micrographs import Micrographs
from recon.core.ome_zarr import open_group
from recon.core.options import options
from recon.core.pipeline import measure, torch_device
from recon.core.recipe import METRICS, Choice
from recon.core.report import write_report
from recon.core.run import to_json
from recon.core.volume import Volume


@click.command()
@click.argument("volume", type=click.Path(path_type=Path))
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="May be given many times.")
@click.option("--property", "properties", multiple=True, metavar="NAME", help="Likewise.")
@click.option("--against", type=click.Path(path_type=Path), help="Micrographs or volume.")
@click.option("--materials", metavar="FILE|NAME", help="Phase properties for the solvers.")
@device_flag
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write results here.")
@click.option("--report", type=click.Path(path_type=Path), help="Write a page here.")
@set_flag
def command(
    volume: Path,
    metrics: tuple[str, ...],
    properties: tuple[str, ...],
    against: Path | None,
    materials: str | None,
    device: str | None,
    json_file: Path | None,
    report: Path | None,
    settings: tuple[str, ...],
) -> None:
    """Measure a volume, and compare it with micrographs or a volume.

    Volume fraction, two-point and lineal path when neither --metric nor --property is given.
    --against gives errors relative to micrographs or a volume beside the floor that real pieces
    of the same size score. --set NAME.OPTION=VALUE sets an option of a metric or property.
    """
    torch_device(device or "cpu")
    tables = parsed(settings)
    given = metrics or () if metrics or properties else tuple(choice.name for choice in METRICS)
    for name in tables:
        if name not in (*given, *properties):
            raise unknown("metric or property in --set", name, (*given, *properties))
    chosen = {
        kind: [_choice(kind, name, tables, materials, device) for name in names]
        for kind, names in (("metric", given), ("property", properties))
    }
    for file in (json_file, report):
        if file is not None and not file.parent.is_dir():
            raise ReconError(f"cannot write {file}: {file.parent} is no folder; make it first")
    sample = Volume.open(volume)
    reference = _reference(against) if against else None
    results = measure(sample, chosen["metric"], chosen["property"])
    comparison = compare([sample], reference) if reference is not None else None
    for name, value in results.items():
        click.echo(f"{name}:\n{to_text(value)}")
    if comparison is not None:
        click.echo(comparison.to_text())
    if json_file is not None:
        with whole(json_file, replace=True) as partial:
            partial.write_text(to_json(results, comparison))
    if report is not None:
        write_report(report, [sample], results, reference, comparison)


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


def _reference(path: Path) -> Volume | Micrographs:
    kind = dict(open_group(path, "reference").attrs).get("recon", {}).get("kind")
    return Micrographs.open(path) if kind == "micrographs" else Volume.open(path)
