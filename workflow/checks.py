"""What a run checks beside its statistics, in sentences for its report."""

from collections.abc import Sequence

from recon.core.data.anchor import Anchor
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.imaging.plane_check.plane_check import describe_planes
from recon.validation.memorisation.memorisation import detect_memorisation


def describe_checks(
    volumes: Sequence[Volume], training: Micrographs | None, anchors: Sequence[Anchor] = ()
) -> dict[str, list[str]]:
    """Title -> sentences: of the micrographs, of copying from them, and of the anchors.

    training  what the network was trained on; None when that is not known
    """
    checks: dict[str, list[str]] = {}
    if training is not None:
        checks["Micrographs"] = [_format_sentence(line) for line in describe_planes(training)]
        text = detect_memorisation(volumes, training).to_text().removeprefix("memorisation: ")
        checks["Copying from the micrographs"] = [
            _format_sentence(line.strip()) for line in text.splitlines()
        ]
    if anchors:
        checks["Anchors"] = [_describe_anchor(anchor, volumes) for anchor in anchors]
    return checks


def _describe_anchor(anchor: Anchor, volumes: Sequence[Volume]) -> str:
    """How much of a measured slice the volumes contain."""
    slices = [volume.labels.take(anchor.place, anchor.normal) for volume in volumes]
    wrong = sum(int((labels != anchor.labels).sum()) for labels in slices)
    a, b = anchor.labels.shape
    how = "contained voxel for voxel" if wrong == 0 else f"{wrong} voxels differ"
    return f"Slice {anchor.name}, {a} x {b} pixels: {how}."


def _format_sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")
