"""A volume on disk, of recon or of another program: the reader of zarr opens both."""

from pathlib import Path
from typing import Any

from recon.core.catalog import catalog
from recon.core.errors import ReconError
from recon.core.storage.zarr_store import open_store, read_recon_attribute


def read_volume_file(path: Path) -> dict[str, Any]:
    """The arguments of Volume: voxel size, phases, provenance; labels as what can be sliced."""
    reader = build_zarr_reader()
    node = open_store(path, "volume")
    recon = read_recon_attribute(node, path, "volume")
    if recon.get("kind", "volume") != "volume":
        raise ReconError(f"{path} holds {str(recon['kind'])[:50]}, not a volume")
    image = reader.find_image(node, path, "volume")
    return {
        "labels": image.array,
        "voxel_size": image.lengths or (1.0, 1.0, 1.0),
        "phases": recon.get("phases"),
        "provenance": {k: v for k, v in recon.items() if k not in ("kind", "phases")} or None,
    }


def build_zarr_reader() -> Any:
    """The reader of zarr; built before a store is opened, it guards what zarr unpacks."""
    return catalog().build("reader", "zarr")
