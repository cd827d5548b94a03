"""Tutorials and how-to pages: every block of code runs, in the order of the page.

Commands run as they are written, but for sizes: volumes, steps and trainings are small here. A
block that needs another program says so: <!-- not run: needs OpenFOAM -->. A file that the reader
is to write is marked <!-- file: NAME -->.
"""

import glob
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from recon.core import Micrographs, Volume

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "first-volume.md": [],
    "segmented-images.md": ["*.png", "classified.tif"],
    "pixel-and-volume-size.md": ["fine_*.png", "micrographs.zarr", "mine.safetensors"],
    "few-slices.md": ["*.png"],
    "anchors.md": ["first.png", "second.png", "micrographs.zarr", "mine.safetensors"],
    "gpu.md": ["micrographs.zarr"],
    "composite-to-stiffness.md": [],
    "electrode-to-pybamm.md": ["cell.json"],
    "meshes-abaqus.md": ["volume.zarr", "fibres.toml"],
    "meshes-comsol.md": ["volume.zarr"],
    "meshes-fenicsx.md": ["volume.zarr"],
    "meshes-openfoam.md": ["volume.zarr"],
    "weights-library.md": ["micrographs.zarr"],
}
"""Page -> what its reader has before."""

BLOCK = re.compile(r"(?:<!-- (not run|file): ([^\n]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
SHAPES = {"64 192 192": "8 48 48", "21 64 64": "21 24 24"}
TRAINING = ["--set", "denoiser.width=8", "--set", "denoiser.crop=16", "--set", "denoiser.batch=2"]


@pytest.fixture(scope="module")
def drawer(tmp_path_factory):
    """What readers have: grey images, label images, micrographs, weights and a volume."""
    folder = tmp_path_factory.mktemp("drawer")
    fields = gaussian_filter(np.random.default_rng(0).normal(size=(16, 48, 48)), (0, 3, 3))
    for number, plane in enumerate(("top_1", "front_1", "side_1")):
        labels = np.digitize(fields[number], np.quantile(fields[number], [0.4, 0.8]))
        Image.fromarray(labels.astype(np.uint8) + 1).save(folder / f"{plane}.png")
    classified = Image.fromarray(labels.astype(np.uint8), mode="P")
    classified.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    classified.save(folder / "classified.tif")
    grey = gaussian_filter(labels * 100.0, 1.0) + np.random.default_rng(1).normal(0, 3, (48, 48))
    Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(folder / "grey.png")
    two = (fields > 0).astype(np.uint8)
    for name, image in zip(("cross", "along", "any", "fine_1", "fine_2"), two, strict=False):
        Image.fromarray(image * 255).save(folder / f"{name}.png")
    for name, image in (("first", two[5]), ("second", two[6])):
        Image.fromarray(image[:24, :24]).save(folder / f"{name}.png")
    stacks = {plane: [two[i], two[i + 3]] for i, plane in enumerate(("xy", "xz", "yz"))}
    Micrographs(stacks, (4e-7,) * 3, ["pore", "solid"]).save(folder / "micrographs.zarr")
    three = np.digitize(gaussian_filter(fields, (2, 0, 0)), np.quantile(fields, [0.4, 0.8]))
    names = ["pore", "active", "binder"]
    Volume(three[:8, :12, :10].astype(np.uint8), (4e-7,) * 3, names).save(folder / "volume.zarr")
    phases = (f'[[phase]]\nname = "{name}"\nE = 10\nnu = 0.3\n' for name in names)
    (folder / "fibres.toml").write_text('unit = "GPa"\n' + "".join(phases))
    electrode = {"Porosity": 0.4, "Transport efficiency": 0.25, "Conductivity [S.m-1]": 1.0}
    sections = {"Positive electrode": electrode | {"Thickness [m]": 6e-5}}
    cell = {"Header": {"BPX": "1.0.0", "Model": "DFN"}, "Parameterisation": sections}
    (folder / "cell.json").write_text(json.dumps(cell))
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(page, recon, drawer):
    for pattern in PAGES[page]:
        prepare(pattern, drawer, recon)
    names = {}
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    assert blocks
    for mark, name, language, text in blocks:
        assert language in ("sh", "python", "text", "toml"), f"{page}: a block of {language}"
        if mark == "not run" or language == "text":
            continue
        if mark == "file":
            Path(name).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, page, "exec"), names)
        else:
            for line in text.replace("\\\n", " ").splitlines():
                run_line(line, recon)


def prepare(pattern, drawer, recon):
    """Into the folder of this test; weights are trained once."""
    if pattern == "mine.safetensors" and not (drawer / pattern).exists():
        out = ("--out", drawer / pattern, "--steps", 2, *TRAINING)
        recon("train", drawer / "micrographs.zarr", *out)
    for path in drawer.glob(pattern):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, path.name)


def run_line(line, recon):
    words = shlex.split(line, comments=True)
    if words[0] == "mkdir":
        Path(words[1]).mkdir()
        return
    assert words[0] == "recon", f"not run by this test, and not marked: {line}"
    words, target = (words[:-2], words[-1]) if ">" in words else (words, None)
    words = [one for word in words[1:] for one in expand(word)]
    result = recon(*make_small(words))
    if target is not None:
        Path(target).write_text(result.stdout)


def expand(word):
    return sorted(glob.glob(word)) if "*" in word else [word]


def make_small(words):
    """The command with small sizes: flags that come last win."""
    if "--shape" in words:
        at = words.index("--shape") + 1
        shape = SHAPES.get(" ".join(words[at : at + 3]), "32 32 32")
        words = [*words[:at], *shape.split(), *words[at + 3 :]]
    if words[0] == "run" and "--dry-run" not in words:
        return [*words, "--steps", "3", "--no-classifier"]
    return [*words, "--steps", "2", *TRAINING] if words[0] == "train" else words
