"""Quality and time of the samplers: second order, what it does not see, and a classifier.

    python benchmarks/reconstruction --data DIR [--material NAME]... [--sampler NAME]...
        [--seeds 8] [--preset tiny] [--prediction NAME] [--physics] [--classifier]
        [--out DIR] [--json FILE]

Weights that are not bundled are trained and kept in --out, as are the volumes, so that a second
call goes on where the first stopped. Real materials are trained on the half that is not scored
(the separator is too small: on every second slice of what is scored).
"""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from alone import table as alone_table
from classifier import areas, real_against_real, real_sides
from materials import NAMES, Material, material
from picture import draw, draw_rows
from samplers import SAMPLERS
from sampling import Made, sampled
from score import function_errors, functions, of_micrographs, real_crops, scalars, second_order

from recon.cli.settings import parse_settings
from recon.core import Recipe, Volume
from recon.core.data.planes import PLANES
from recon.core.recipe import Choice
from recon.workflow.train import train

PHYSICS = {
    "fibre-composite": {"homogenization": {"materials": "glass-epoxy"}},
    "fibres": {"homogenization": {"materials": "glass-epoxy"}},
}
"""Property solved of a material; of any other, the diffusivity of its phase 0."""
PORE = {"diffusivity": {"phases": [0]}}
KEPT = ("scalars", "micrographs", "classifier")


def weights_of(what: Material, preset: str, prediction: str | None, out: Path) -> str:
    """Bundled, from the folder, or trained now."""
    if not what.weights.endswith(".safetensors") and preset == "tiny" and prediction is None:
        return what.weights
    path = out / f"{what.name}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"preset": preset, "prediction": prediction or "auto"}
        if preset == "tiny" and what.crop != 32:
            options |= {"crop": what.crop, "batch": 8}
        recipe = Recipe(denoiser=Choice("unet-ddpm", options))
        state = path.with_suffix(".training")
        train(recipe, what.train, path, checkpoint=state, progress=_quiet)
        state.unlink(missing_ok=True)
    return str(path)


def _quiet(what: str, done: int, total: int, note: str) -> None:
    if done % 500 == 0:
        click.echo(f"  {what}: {done}/{total} {note}", err=True)


def recipe_of(sampler: str, weights: str, shape: tuple[int, int, int], settings: Any) -> Recipe:
    table = {"weights": weights, "shape": list(shape), **SAMPLERS[sampler]}
    table["harmonizer"] = dict(table.get("harmonizer", {"name": "spectral"}))
    for kind, options in settings.items():
        if kind == "recipe":
            table |= options
        else:
            table[kind] = table.get(kind, {}) | options
    return Recipe.from_table(table)


def summary(values: list[dict[str, float]]) -> dict[str, list[float]]:
    """Mean and standard deviation of every number."""
    return {
        key: [float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else float("nan")]
        for key in values[0]
        for v in [[one[key] for one in values]]
    }


def row(
    what: Material,
    made: Made,
    subvolumes: list[Volume],
    real: dict[str, Any],
    with_classifier: bool,
) -> dict[str, Any]:
    physics = real["physics"]
    results: dict[str, Any] = {
        "passes": float(np.median(made.passes)),
        "seconds": float(np.median(made.seconds)),
        "seeds": len(made.volumes),
        "second order": second_order(made.volumes, what.test),
        "scalars": summary([scalars(volume, physics) for volume in made.volumes]),
        "functions": function_errors([functions(v) for v in made.volumes], real["functions"]),
    }
    if with_classifier and len(made.volumes) > 1:
        half = len(made.volumes) // 2
        fake = [volume.labels for volume in made.volumes]
        results["classifier"] = areas(
            (fake[:half], fake[half:]), real_sides(what.test), len(what.test.phases)
        )
    return results


def text(results: dict[str, Any], real: dict[str, Any]) -> str:
    lines = [
        f"  {results['passes']:.0f} passes, {results['seconds']:.1f} s, {results['seeds']} seeds"
    ]
    for name, t in results["second order"].items():
        each = ", ".join(f"{p} {v['error']:.3f}/{v['floor']:.3f}" for p, v in t["phases"].items())
        lines.append(
            f"  {name}: {t['error']:.3f} +- {t['half']:.3f}, sampling error {t['floor']:.3f}, "
            f"ratio {t['ratio']:.2f}, spread {t['spread']:.2f}  ({each})"
        )
    for name, t in results["functions"].items():
        ratio = t["error"] / t["floor"]
        lines.append(
            f"  {name}: {t['error']:.3f}, sampling error {t['floor']:.3f}, ratio {ratio:.2f}"
        )
    lines += ["  number (deviation over seeds): mean; real crops; micrographs"]
    for key, (mean, deviation) in results["scalars"].items():
        crops = "{:.4g} ({:.2g})".format(*real["scalars"][key])
        known = f"; {real['micrographs'][key]:.4g}" if key in real["micrographs"] else ""
        lines.append(f"    {key}: {mean:.4g} ({deviation:.2g}); {crops}{known}")
    if "classifier" in results:
        areas = [
            ", ".join(f"{p} {a:.2f}" for p, a in t["classifier"].items()) for t in (results, real)
        ]
        lines.append(
            f"  classifier, area under the curve: {areas[0]}; real against real {areas[1]}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the real tomograms.")
@click.option("--material", "names", multiple=True, type=click.Choice(NAMES), default=NAMES[:3])
@click.option(
    "--sampler", "samplers", multiple=True, type=click.Choice(SAMPLERS), default=["spectral"]
)
@click.option("--set", "settings", multiple=True, help="As in recon run; recipe.steps=40 too.")
@click.option("--label", default="", help="Name of a sampler with --set.")
@click.option("--seeds", default=8, show_default=True)
@click.option("--shape", nargs=3, type=int, default=(64, 64, 64), show_default=True)
@click.option("--preset", default="tiny", show_default=True)
@click.option("--prediction", help="What the network says; that of the preset when not given.")
@click.option("--physics", is_flag=True, help="Also stiffness or diffusivity.")
@click.option("--classifier", is_flag=True, help="Also the classifier two-sample test.")
@click.option("--alone", is_flag=True, help="Also slices of the network alone.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reconstruction-benchmark"))
@click.option("--picture", type=click.Path(path_type=Path), help="PNG of slices.")
@click.option(
    "--rows", "rows_in", type=click.Path(path_type=Path), help="Folder for PNGs of rows of slices."
)
@click.option("--json", "file", type=click.Path(path_type=Path))
def main(
    data: Path | None,
    names: tuple[str, ...],
    samplers: tuple[str, ...],
    settings: tuple[str, ...],
    label: str,
    seeds: int,
    shape: tuple[int, int, int],
    preset: str,
    prediction: str | None,
    physics: bool,
    classifier: bool,
    alone: bool,
    out: Path,
    picture: Path | None,
    rows_in: Path | None,
    file: Path | None,
) -> None:
    click.echo(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {shape}, {preset}")
    rows: dict[str, Any] = {}
    seen: dict[str, dict[str, Volume]] = {}
    for name in names:
        what = material(name, data)
        folder = out / (f"{preset}-{prediction}" if prediction else preset)
        weights = weights_of(what, preset, prediction, folder)
        solvers = PHYSICS.get(name, PORE) if physics else {}
        subvolumes = real_crops(what.test, shape)
        seen[name] = {"real": subvolumes[len(subvolumes) // 2]}
        pieces = real_crops(what.test, shape)
        seen[name] = {"real": pieces[len(pieces) // 2]}
        looked_at = {"real": pieces}
        real: dict[str, Any] = {
            "physics": solvers,
            "scalars": summary([scalars(subvolume, solvers) for subvolume in subvolumes]),
            "functions": [functions(subvolume) for subvolume in subvolumes],
            "micrographs": of_micrographs(what.train),
        }
        if classifier:
            real["classifier"] = areas(*real_against_real(what.test), len(what.test.phases))
        for sampler in samplers:
            recipe = recipe_of(sampler, weights, shape, parse_settings(settings))
            tag = sampler + (f"-{label}" if label else "")
            size = "x".join(map(str, shape))
            made = sampled(recipe, seeds, folder / name / f"{tag}-{size}")
            seen[name][tag] = made.volumes[0]
            result = row(what, made, subvolumes, real, classifier)
            looked_at[tag] = made.volumes
            result = row(what, made, pieces, real, classifier)
            rows[f"{name} {tag}"] = result | {"real": {k: real[k] for k in KEPT if k in real}}
            click.echo(f"{name}, {tag}:\n{text(result, real)}")
            if alone:
                result["alone"] = alone_table(
                    recipe, made.volumes, subvolumes, what.test, folder / name
                )
                click.echo(json.dumps(result["alone"], indent=1))
        if rows_in is not None:
            rows_in.mkdir(parents=True, exist_ok=True)
            for plane in PLANES:
                draw_rows(looked_at, plane, rows_in / f"{name}-{plane}.png")
    if picture is not None:
        draw(seen, picture)
    if file is not None:
        file.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
