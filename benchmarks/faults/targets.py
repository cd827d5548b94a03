"""What recon reads from files: for each kind, sound files to begin with, a way to break them, and
what is done with the result.

An input is a dict of relative paths and bytes, so that a zarr folder is one as well.
"""

import io
import json
import random
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tifffile
import tomli_w
from mutate import (
    broken_bytes,
    broken_npy,
    broken_table,
    broken_tags,
    for_toml,
    with_checksums,
)
from PIL import Image

from recon.cli import recipe as recipe_file
from recon.core import Micrographs, Recipe, Volume, catalog, weights
from recon.core.readers import read_image
from recon.plugins.materials.material_file import list_bundled_materials
from recon.plugins.materials.materials import Materials
from recon.workflow.pack_weights import pack_weights
from recon.workflow.run import check_recipe

Files = dict[str, bytes]
LABELS = np.random.default_rng(0).integers(0, 3, (4, 9, 11), np.uint8)
FILE = "input"
"""Name of an input of one file."""


@attrs.frozen
class Target:
    """One kind of input.

    sound   inputs that are read without an error
    broken  makes one of another, given a second sound one and a source of randomness
    read    what a command does with the folder that holds it
    """

    sound: Callable[[], list[Files]]
    broken: Callable[[Files, Files, random.Random], Files]
    read: Callable[[Path], Any]


def one(data: bytes) -> Files:
    """An input of one file."""
    return {FILE: data}


def _saved(write: Callable[[io.BytesIO], Any]) -> Files:
    stream = io.BytesIO()
    write(stream)
    return one(stream.getvalue())


@cache
def pngs() -> list[Files]:
    """Of each mode that an image may have."""
    mask = Image.fromarray(LABELS[0] * 100)
    pictures = [mask.convert(mode) for mode in ("L", "1", "P", "LA", "RGB", "RGBA")]
    pictures.append(Image.fromarray(LABELS[0].astype(np.uint16) * 20000))
    return [_saved(partial(picture.save, format="png")) for picture in pictures]


@cache
def tiffs() -> list[Files]:
    """Stacks, colours, palettes and compressions."""
    rgb, grey = np.repeat(LABELS[..., None], 3, -1), {"photometric": "minisblack"}
    arrays: list[tuple[Any, dict[str, Any]]] = [
        (LABELS[0], {"metadata": None}),
        (LABELS, grey),
        (LABELS, {"imagej": True, "metadata": {"axes": "ZYX", "unit": "um", "spacing": 0.5}}),
        (LABELS, grey | {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 1}}),
        (LABELS, grey | {"compression": "zlib", "predictor": True}),
        (LABELS, grey | {"bigtiff": True}),
        (LABELS[0].astype(np.float32), {"metadata": None, "compression": "lzma"}),
        (LABELS[0].astype(np.uint16), {"metadata": None, "tile": (16, 16)}),
        (rgb[0], {"photometric": "rgb", "metadata": None}),
    ]
    rows = [_saved(partial(tifffile.imwrite, data=array, **how)) for array, how in arrays]
    picture = Image.fromarray(LABELS[0])
    for how in ("tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate"):
        rows.append(_saved(partial(picture.save, format="tiff", compression=how)))
    rows.append(_saved(partial(picture.convert("P").save, format="tiff")))
    return rows


@cache
def npys() -> list[Files]:
    """Slices, stacks, colours."""
    arrays = (LABELS, LABELS[0].astype(float), LABELS > 0, np.repeat(LABELS[0][..., None], 3, -1))
    return [_saved(lambda stream, a=array: np.save(stream, a)) for array in arrays]


def image(files: Files, other: Files, rng: random.Random) -> Files:
    """Bytes, or the fields of the format."""
    data = files[FILE]
    if data[:4] == b"\x89PNG":
        broken = broken_bytes(data, other[FILE], rng)
        return one(with_checksums(broken) if rng.random() < 0.7 else broken)
    structured = broken_tags if data[:2] in (b"II", b"MM") else broken_npy
    if rng.random() < 0.6:
        return one(structured(data, rng))
    return one(broken_bytes(data, other[FILE], rng))


def folder_of(path: Path) -> Files:
    """The files of a folder."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


@cache
def volumes() -> list[Files]:
    """Written by recon, a plain array, and one of zarr 2."""
    import zarr

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {"seed": 3, "recipe": Recipe().to_table(), "versions": {"recon": "1"}}
        Volume(LABELS, (1e-6,) * 3, ["a", "b", "c"], made).save(folder / "a")
        zarr.save_array(folder / "b", LABELS)
        old = zarr.create_group(folder / "c", zarr_format=2)
        old.create_array("0", data=LABELS)
        axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
        scale = [{"type": "scale", "scale": [0.5, 0.25, 0.125]}]
        datasets = [{"path": "0", "coordinateTransformations": scale}]
        old.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
        return [folder_of(folder / kind) for kind in "abc"]


@cache
def micrographs() -> list[Files]:
    """All three planes, and one."""
    with tempfile.TemporaryDirectory() as name:
        stacks = {plane: [LABELS[0]] for plane in ("xy", "xz", "yz")}
        Micrographs(stacks, (1e-6,) * 3, origin={"notices": []}).save(Path(name) / "a")
        Micrographs({"xy": list(LABELS[:2])}).save(Path(name) / "b")
        return [folder_of(Path(name) / kind) for kind in "ab"]


def store(files: Files, other: Files, rng: random.Random) -> Files:
    """A zarr folder with broken metadata, a broken or lost chunk, or files of another one."""
    files = dict(files)
    described = [name for name in files if Path(name).name.startswith((".z", "zarr.json"))]
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(sorted(files))
        if name in described and rng.random() < 0.8:
            files[name] = json.dumps(broken_table(json.loads(files[name]), rng)).encode()
        elif rng.random() < 0.2:
            del files[name]
        elif rng.random() < 0.2 and other:
            files[name] = rng.choice(list(other.values()))
        else:
            files[name] = broken_bytes(files[name], rng.choice(list(other.values())), rng)
        described = [known for known in described if known in files and known != name]
        if not files:
            break
    return files


RECIPES: tuple[dict[str, Any], ...] = (
    Recipe().to_table(),
    {
        "seed": 7,
        "steps": 20,
        "shape": [16, 24, 32],
        "samples": 2,
        "device": "cpu",
        "micrographs": "m.zarr",
        "weights": "w.safetensors",
        "periodic": ["z", "x"],
        "anchors": ["xy:3=slice.tif"],
        "denoiser": {"name": "unet-ddpm", "guidance": 1.5, "multiples": [1, 2], "width": 16},
        "schedule": {"name": "cyclic"},
        "harmonizer": {"name": "gamma-blend", "gamma": 0.5},
        "metric": [{"name": "two-point", "max_lag": 8}, {"name": "lineal-path"}],
        "property": [
            {"name": "homogenization", "materials": "glass-epoxy", "tolerance": 1e-6},
            {"name": "diffusivity", "phases": [1], "axes": ["x", "z"], "coefficients": [1.0]},
        ],
    },
)


@cache
def recipes() -> list[Files]:
    """The default, and one that says all."""
    return [one(tomli_w.dumps(table).encode()) for table in RECIPES]


@cache
def materials() -> list[Files]:
    """All that are shipped."""
    return [one(path.read_bytes()) for path in list_bundled_materials().values()]


def toml(files: Files, other: Files, rng: random.Random) -> Files:
    """A broken table, or broken text."""
    import tomllib

    text = files[FILE]
    if rng.random() < 0.75:
        table = for_toml(broken_table(tomllib.loads(text.decode()), rng), rng)
        text = tomli_w.dumps(table if isinstance(table, dict) else {"x": table}).encode(
            errors="surrogatepass"
        )
    if rng.random() < 0.4:
        text = broken_bytes(text, other[FILE], rng)
    return one(text)


@cache
def weight_files() -> list[Files]:
    """Of a small network and of the Gaussian denoiser."""
    shown = Micrographs({plane: [np.eye(12, dtype=np.uint8)] for plane in ("xy", "xz", "yz")})
    small = {"width": 8, "multiples": (1,), "blocks": 1, "attention": (False,), "heads": 1}
    network = catalog().build("denoiser", "unet-ddpm", steps=1, batch=1, crop=8, **small)
    gaussian = catalog().build("denoiser", "gaussian")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for denoiser in (network, gaussian):
            denoiser.fit(shown)
            (Path(name) / "w.safetensors").write_bytes(pack_weights(denoiser, {"seed": 0}))
            rows.append(one((Path(name) / "w.safetensors").read_bytes()))
    return rows


def weight_file(files: Files, other: Files, rng: random.Random) -> Files:
    """Broken bytes, a broken header, or a broken table of recon in it."""
    data = files[FILE]
    if rng.random() < 0.2:
        return one(broken_bytes(data, other[FILE], rng))
    size = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8 : 8 + size]), data[8 + size :]
    if rng.random() < 0.7:
        own = json.loads(header["__metadata__"]["recon"])
        text = json.dumps(broken_table(own, rng))
        if rng.random() < 0.2:
            text = broken_bytes(text.encode(), b"[{", rng).decode(errors="replace")
        header["__metadata__"]["recon"] = text
    else:
        header = broken_table(header, rng)
    text_of_header = json.dumps(header).encode()
    length = len(text_of_header)
    if rng.random() < 0.05:
        length = rng.choice((0, 1, length - 1, length + 1, 2**32, 2**60, 2**64 - 1))
    return one(length.to_bytes(8, "little") + text_of_header + rest)


def read_slices(folder: Path) -> None:
    """As `recon import` and an anchor do."""
    for part in read_image(folder / FILE).slices:
        assert part.ndim == 2 and part.size and np.isfinite(part).all()


def read_recipe(folder: Path) -> None:
    """As `recon run --dry-run` does before it plans."""
    check_recipe(Recipe.from_table(recipe_file.read_recipe(folder / FILE)))


def read_materials(folder: Path) -> None:
    """As homogenization does."""
    given = Materials.load(folder / FILE)
    assert np.isfinite(given.stiffness()).all()
    given.expansion()


def read_weights(folder: Path) -> None:
    """As `recon run` does."""
    weights.load(weights.read(folder / FILE), None, {}, "cpu")


TARGETS = {
    "png": Target(pngs, image, read_slices),
    "tiff": Target(tiffs, image, read_slices),
    "npy": Target(npys, image, read_slices),
    "volume": Target(volumes, store, Volume.open),
    "micrographs": Target(micrographs, store, Micrographs.open),
    "zarr-image": Target(volumes, store, read_image),
    "recipe": Target(recipes, toml, read_recipe),
    "materials": Target(materials, toml, read_materials),
    "weights": Target(weight_files, weight_file, read_weights),
}
