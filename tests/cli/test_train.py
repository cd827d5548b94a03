"""`recon train` with a network of a few hundred parameters, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from recon.core import Micrographs, Volume, catalog, weights
from recon.workflow.pack_weights import pack_weights

TINY = ["--steps", 4, "--set", "denoiser.width=8", "--set", "denoiser.multiples=[1,2]"]
TINY += ["--set", "denoiser.attention=[false,true]", "--set", "denoiser.crop=16"]
TINY += ["--set", "denoiser.batch=4"]


@pytest.fixture
def micrographs(tmp_path):
    """micrographs.zarr of three phases on slices of different, non-square sizes."""
    rng = np.random.default_rng(0)
    sizes = {"xy": (40, 33), "xz": (25, 48), "yz": (32, 32)}
    stacks = {
        plane: [rng.integers(0, 3, (a, b), np.uint8) for a, b in (size, size[::-1], size)]
        for plane, size in sizes.items()
    }
    path = tmp_path / "micrographs.zarr"
    Micrographs(stacks, (1e-6, 2e-6, 2e-6), ["pore", "grain", "binder"]).save(path)
    return path


def test_weights_hold_all_that_a_run_needs(recon, micrographs):
    recon("train", micrographs, "--out", "w.safetensors", *TINY)
    files = ["micrographs.zarr", "w.card.json", "w.safetensors"]
    assert sorted(p.name for p in Path().iterdir()) == files
    header = weights.read(Path("w.safetensors")).header
    assert header["denoiser"] == "unet-ddpm" and header["phases"] == ["pore", "grain", "binder"]
    assert header["voxel_size"] == [1e-6, 2e-6, 2e-6] and header["options"]["steps"] == 4
    assert header["provenance"]["seed"] == 0 and header["provenance"]["slices"]["xy"] == 3
    assert header["fractions"] == pytest.approx(Micrographs.open(micrographs).fractions())
    run = ("run", "--weights", "w.safetensors", "--harmonizer", "none", "--steps", 3, "--no-report")
    recon(*run, "--shape", 9, 17, 12, "--out", "odd")
    volume = Volume.open("odd/volume.zarr")
    assert volume.shape == (9, 17, 12) and volume.phases == ("pore", "grain", "binder")
    assert volume.voxel_size == pytest.approx((1e-6, 2e-6, 2e-6))
    digest = weights.read(Path("w.safetensors")).sha256
    assert volume.provenance["weights_sha256"] == digest


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_init_is_used(recon, micrographs):
    recon("train", micrographs, "--out", "a.safetensors", *TINY)
    recon("train", micrographs, "--out", "b.safetensors", *TINY)
    recon("train", micrographs, "--out", "c.safetensors", *TINY, "--seed", 1)
    recon("train", micrographs, "--out", "d.safetensors", *TINY, "--init", "a.safetensors")
    tensors = {n: weights.read(Path(f"{n}.safetensors")).parameters for n in "abcd"}
    same = {n: all((tensors["a"][k] == t).all() for k, t in tensors[n].items()) for n in "bcd"}
    assert same == {"b": True, "c": False, "d": False}


def test_finished_weights_are_kept(recon, micrographs):
    Path("w.safetensors").write_bytes(b"precious")
    result = recon("train", micrographs, "--out", "w.safetensors", *TINY, code=2)
    assert "w.safetensors exists already" in result.stderr
    assert (
        "is finished"
        in recon("train", micrographs, "--out", "w.safetensors", *TINY, "--resume").stderr
    )
    assert Path("w.safetensors").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--preset", "tny"), "denoiser unet-ddpm: preset must be one of tiny, small, paper"),
        (("--steps", 0), "denoiser unet-ddpm: steps must be >= 1, got 0"),
        (("--set", "denoiser.widht=8"), "unknown option of denoiser unet-ddpm 'widht'; did you"),
        (("--set", "harmonizer.gamma=1"), "unknown table in --set 'harmonizer'"),
        (("--denoiser", "unet"), "unknown denoiser 'unet'"),
        (("--init", "none.safetensors"), "weights none.safetensors do not exist"),
        (("--out", "w.pt"), "--out must end in .safetensors, got w.pt"),
    ],
)
def test_bad_input_is_one_line(recon, micrographs, arguments, message):
    result = recon("train", micrographs, "--out", "w.safetensors", *arguments, code=2)
    assert result.stderr.strip().splitlines()[-1].startswith(f"Error: {message}")
    assert [path.name for path in Path().iterdir()] == ["micrographs.zarr"]


def test_one_phase_is_refused(recon):
    planes = dict.fromkeys(("xy", "xz", "yz"), [np.zeros((20, 20), int)])
    Micrographs(planes).save("one.zarr")
    result = recon("train", "one.zarr", "--out", "w.safetensors", code=2)
    assert "micrographs must show at least two phases" in result.stderr


def test_a_volume_needs_all_three_planes(recon):
    rng = np.random.default_rng(0)
    Micrographs({"xy": rng.integers(0, 2, (3, 32, 32))}).save("xy.zarr")
    refused = recon("train", "xy.zarr", "--out", "w.safetensors", *TINY, code=2)
    assert "the micrographs show xy only and a volume needs xy, xz and yz" in refused.stderr
    assert [path.name for path in Path().iterdir()] == ["xy.zarr"]
    denoiser = catalog().build("denoiser", "unet-ddpm", preset="tiny", steps=1)
    denoiser.fit(Micrographs.open("xy.zarr"), seed=0, device="cpu")
    Path("w.safetensors").write_bytes(pack_weights(denoiser, {}))
    run = ("run", "--weights", "w.safetensors", "--harmonizer", "none", "--steps", 3, "--no-report")
    result = recon(*run, "--out", "out", code=2)
    assert "the weights know xy only" in result.stderr and "isotropic=True" in result.stderr
    assert not Path("out").exists()
