"""report.html: one page that opens offline and says how far to trust a volume."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.storage.atomic import atomic_output

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison

Checks = Sequence[str] | Mapping[str, str | Sequence[str]]


def write_report(
    path: str | Path,
    volumes: Sequence[Volume],
    measurements: Mapping[str, xr.DataArray | xr.Dataset],
    reference: Volume | Micrographs | None = None,
    comparison: "Comparison | None" = None,
    provenance: Mapping[str, Any] | None = None,
    checks: Checks = (),
) -> None:
    """Write one HTML file: verdict, slices, curves, numbers, provenance; replaces an older one.

    volumes       of one shape
    measurements  results by name, with a dim `sample` when there are several volumes
    reference     what they were compared with;  comparison  how (validation.comparison.compare)
    provenance    that of the first volume when not given
    checks        sentences on further checks, or title -> sentence or sentences
    """
    from recon.validation.report.page import render  # matplotlib takes half a second

    page = render(volumes, measurements, reference, comparison, provenance, checks)
    with atomic_output(Path(path), replace=True) as partial:
        partial.write_text(page, encoding="utf-8")
