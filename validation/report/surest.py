"""The slices that the classifier is surest of, on both sides: what it sees."""

from collections.abc import Sequence

import attrs

from recon.core.data.planes import AXES, in_plane
from recon.core.data.volume import Volume
from recon.validation.comparison.comparison import Comparison
from recon.validation.report.tiles import Row, choose_pixel_scale, draw_tile


@attrs.frozen
class Classified:
    """What the page says of the classifier.

    rows   a plane each, with its areas as caption;  notes  why a plane is missing, a sentence each
    """

    rows: list[Row]
    notes: list[str]


def build_classified(volumes: Sequence[Volume], comparison: Comparison | None) -> Classified | None:
    """Surest slices of the first volume and of the material, plane by plane."""
    if comparison is None or comparison.classifier is None:
        return None
    test, first = comparison.classifier, volumes[0]
    scale = choose_pixel_scale(first)
    rows = []
    for plane, separation in test.planes.items():
        down, right = (AXES[axis] for axis in in_plane(plane))
        own, real = (
            [draw_tile(image, first, plane, scale, what) for image in images]
            for what, images in zip(
                (f"surest to be of the volume, plane {plane}", f"surest to be real, plane {plane}"),
                separation.surest,
                strict=True,
            )
        )
        caption = (
            f"area {separation.areas.mean():.2f}, "
            f"of real subvolumes {separation.real_areas.mean():.2f} "
            f"\u00b1 {separation.real_areas.std(ddof=1):.2f}"
        )
        rows.append(Row(plane, right, down, real, own, caption))
    return Classified(rows, [note[:1].upper() + note[1:] + "." for note in test.notes])
