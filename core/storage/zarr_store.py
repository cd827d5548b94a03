"""A zarr folder that may come from anywhere: looked through before it is opened."""

import os
from pathlib import Path
from typing import Any

import zarr
from zarr.codecs import ZstdCodec

from recon.core.errors import ReconError
from recon.core.storage.limits import TEXT, missing_error

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
MEMBERS = ("zarr.json", ".zarray", ".zgroup")
"""One of these makes a folder a zarr array or group."""


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr array or group."""
    return any(os.path.isfile(path / name) for name in MEMBERS)


def open_store(path: Path, what: str) -> Any:
    """The zarr node at a path, for reading; ReconError when there is none that can be trusted."""
    if not os.path.exists(path):
        raise missing_error(path, what)
    if not path.is_dir():
        raise ReconError(
            f"{what} {path} is not a readable zarr store: it must be a folder; unpack an archive"
        )
    if not is_zarr(path):
        inside = sorted(child for child in path.glob("*") if child.is_dir() and is_zarr(child))
        if inside:  # the folder of a run or of an example
            raise ReconError(
                f"{what} {path} is not a readable zarr store but a folder that holds some; give "
                f"one of them, such as {inside[-1]}"
            )
    _check_members(path, what)
    try:
        return zarr.open(path, mode="r")
    except Exception as error:  # zarr raises many kinds for a damaged or foreign folder
        raise ReconError(
            f"{what} {path} is not a readable zarr store: {_explain(error)}"
        ) from error


def read_attributes(node: Any, path: Path, what: str) -> dict[str, Any]:
    """The attributes of a node; ReconError when they are no table."""
    try:
        return dict(node.attrs)
    except Exception as error:  # zarr does not look at them before
        raise damage_error(what, path, f"its attributes, {error!r}") from error


def read_recon_attribute(node: Any, path: Path, what: str) -> dict[str, Any]:
    """The attribute `recon` of a node; empty when there is none."""
    recon = read_attributes(node, path, what).get("recon", {})
    if not isinstance(recon, dict):
        raise damage_error(what, path, "its attribute recon is no table")
    return recon


def _check_members(path: Path, what: str) -> None:
    """Refuse links that lead out of the folder, what is no file, and metadata without end."""
    inside = os.path.realpath(path)
    folders = [inside]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    leads = os.path.realpath(entry.path)
                    if os.path.commonpath([inside, leads]) != inside:
                        raise ReconError(
                            f"{what} {path} holds a link that leads out of it, "
                            f"{os.path.relpath(entry.path, inside)}; copy it with its files"
                        )
                elif entry.is_dir():
                    folders.append(entry.path)
                elif not entry.is_file():
                    raise damage_error(what, path, f"{entry.name} in it is a pipe or a device")
                if entry.name in METADATA:
                    size = entry.stat().st_size if os.path.exists(entry.path) else 0
                    TEXT.check(size, f"{what} {path}: {entry.name}", "write less into it")


LOST = 255
"""The fill value of labels that recon writes. It is no label, so all chunks are written, and one
that is lost afterwards does not pass for phase 0."""

COMPRESSION = ZstdCodec(level=0, checksum=True)
"""zarr's own choice, with a checksum: a flipped bit is found when the chunk is read."""


def damage_error(what: str, path: Path, why: object) -> ReconError:
    """Error for a file that is not as it was written."""
    return ReconError(f"{what} {path} is damaged: {_explain(why)}; copy or make it again")


def _explain(reason: object) -> str:
    return str(reason) or type(reason).__name__
