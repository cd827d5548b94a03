"""A volume on disk: recon's own file, or zarr of another layout by its reader."""

from pathlib import Path
from typing import Any

from recon.core.catalog import catalog
from recon.core.errors import ReconError
from recon.core.storage.ome_zarr import open_own
from recon.core.storage.zarr_store import open_store, read_recon_attribute


def read_volume_file(path: Path) -> dict[str, Any]:
    """The arguments of Volume: voxel size, phases, provenance; labels as what can be sliced."""
    node = open_store(path, "volume")
    recon = read_recon_attribute(node, path, "volume")
    if recon.get("kind", "volume") != "volume":
        raise ReconError(f"{path} holds {str(recon['kind'])[:50]}, not a volume")
    own = open_own(node, path)
    labels, size = own or catalog().build("reader", "zarr").open_volume(path)
    return {
        "labels": labels,
        "voxel_size": size or (1.0, 1.0, 1.0),
        "phases": recon.get("phases"),
        "provenance": {k: v for k, v in recon.items() if k not in ("kind", "phases")} or None,
    }
