"""A paragraph for the methods section of a paper, and its references."""

from collections.abc import Mapping, Sequence
from typing import Any

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.validation.comparison.comparison import Comparison
from recon.validation.comparison.verdict import ALPHA

MODEL = "Lee & Yun, 2023 (multi-plane denoising diffusion of microstructures)"
SCHEDULE = "Ho, Jain & Abbeel, NeurIPS 33, 6840 (2020)"
TWO_SAMPLES = "Lopez-Paz & Oquab, Revisiting classifier two-sample tests, ICLR 2017"
CURVES = "Torquato, Random Heterogeneous Materials, Springer 2002"


def write_methods(
    volumes: Sequence[Volume],
    reference: Volume | Micrographs | None,
    comparison: Comparison | None,
    provenance: Mapping[str, Any] | None,
    version: str,
) -> tuple[str, list[str]]:
    """The paragraph, with numbers in brackets, and what they stand for."""
    size = " × ".join(map(str, volumes[0].shape))
    count = "A volume" if len(volumes) == 1 else f"{len(volumes)} volumes"
    made = _describe_making(provenance or {})
    text = f"{count} of {size} voxels {'was' if len(volumes) == 1 else 'were'} "
    text += f"{made} with recon {version} [1, 2]." if made else f"examined with recon {version}."
    references = [MODEL, SCHEDULE] if made else []
    if comparison is None or reference is None:
        return text, references
    references.append(CURVES)
    flat = isinstance(reference, Micrographs)
    sources = "micrographs of the material" if flat else "a real volume of the material"
    names = ", ".join(dict.fromkeys(one.title.lower() for one in comparison.metrics.values()))
    text += f" It was compared with {sources} by its {names} [{len(references)}]. "
    text += "The relative error of each was compared with that of real subvolumes of the same size"
    text += ", estimated from windows of the micrographs" if flat else ""
    text += f"; a real subvolume would exceed any of the limits in {ALPHA:.0%} of cases."
    if comparison.classifier is not None and comparison.classifier.planes:
        references.append(TWO_SAMPLES)
        areas = ", ".join(
            f"{separation.areas.mean():.2f} on {plane} "
            f"(real subvolumes {separation.real_areas.mean():.2f})"
            for plane, separation in comparison.classifier.planes.items()
        )
        text += f" A classifier two-sample test [{len(references)}] gave areas under the ROC curve "
        text += f"of {areas}."
    return f"{text} The verdict was: {comparison.verdict.level}.", references


def _describe_making(provenance: Mapping[str, Any]) -> str:
    """How it was made, where the volume tells; "" where it does not."""
    recipe = provenance.get("recipe")
    if not isinstance(recipe, Mapping) or "steps" not in recipe:
        return ""
    names = {kind: recipe.get(kind) for kind in ("denoiser", "harmonizer")}
    named = {
        kind: value.get("name") if isinstance(value, Mapping) else value
        for kind, value in names.items()
    }
    text = f"reconstructed from two-dimensional micrographs by the denoiser {named['denoiser']}"
    text += f" and the harmonizer {named['harmonizer']} in {recipe['steps']} steps"
    return f"{text} (seed {recipe.get('seed', 0)})"
