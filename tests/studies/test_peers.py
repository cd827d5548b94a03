"""Other methods' scripts, as the study calls them: by arguments, through files."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

PEERS = Path(__file__).resolve().parents[2] / "studies" / "peers"
SMALL = ["--width", "16", "--crops", "2", "--fakes", "1", "--batch", "1", "--scored", "4"]


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, PEERS / f"{name}.py")
    result = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(result)
    return result


@pytest.fixture(scope="module")
def module():
    return loaded("slicegan")


@pytest.fixture
def slicegan(module, monkeypatch, capsys):
    """The command, without the seconds that a process of its own takes to begin."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["slicegan.py", *map(str, arguments)])
        module.main()
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    before = torch.get_num_threads()
    yield run
    torch.set_num_threads(before)


def test_slices_are_those_of_their_plane(module):
    volume = torch.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    xy, xz, yz = (module.slices_of(volume, axis, 0) for axis in range(3))
    assert torch.equal(xy[4 + 1], volume[1, :, 1])
    assert torch.equal(xz[5 + 1], volume[1, :, :, 1])
    assert torch.equal(yz[6 + 1], volume[1, :, :, :, 1])


def test_few_slices_are_drawn_of_many(module):
    slices = module.slices_of(torch.arange(64.0).reshape(1, 1, 4, 4, 4), 0, 3)
    assert slices.shape == (3, 1, 4, 4)
    assert len(slices[:, 0, 0, 0].unique()) == 3


def test_penalty_is_nought_where_the_slope_is_one(module):
    slope = torch.randn(4, 4)
    slope /= slope.norm()
    real, fake = torch.randn(3, 1, 4, 4), torch.randn(5, 1, 4, 4)
    result = module.gradient_penalty(lambda x: (x[:, 0] * slope).sum((1, 2)), real, fake)
    assert float(result) == pytest.approx(0, abs=1e-9)
    result = module.gradient_penalty(lambda x: 3 * (x[:, 0] * slope).sum((1, 2)), real, fake)
    assert float(result) == pytest.approx(4, rel=1e-4)


def test_training_is_gone_on_with_and_makes_volumes(slicegan, tmp_path):
    rng = np.random.default_rng(0)
    planes = ("xy", "xz", "yz")
    stacks = {plane: rng.integers(0, 3, (2, 66, 70)).astype(np.uint8) for plane in planes}
    np.savez(tmp_path / "slices.npz", **stacks)
    weights, out = tmp_path / "weights.pt", tmp_path / "volume.npy"
    train = ["train", "--slices", tmp_path / "slices.npz", "--out", weights, *SMALL]
    assert slicegan(*train, "--steps", "1")["steps"] == 1
    assert slicegan(*train, "--steps", "2")["steps"] == 2
    assert not weights.with_suffix(".part").exists()
    sample = ["sample", "--weights", weights, "--out", out, "--shape", "64", "70", "64"]
    told = slicegan(*sample, "--seed", "3")
    first = np.load(out)
    assert told["training"]["steps"] == 2 and told["threads"] == 1
    assert first.shape == (64, 70, 64) and first.dtype == np.uint8
    assert told["fractions"] == pytest.approx([(first == k).mean() for k in range(3)])
    slicegan(*sample, "--seed", "3")
    assert (np.load(out) == first).all()
    slicegan(*sample, "--seed", "4")
    assert (np.load(out) != first).any()


def test_windows_cover_every_slice_and_are_of_the_size_asked_for():
    stack = np.arange(2 * 11 * 5).reshape(2, 11, 5)
    windows = loaded("mcrpy_run").windows(stack, (4, 5))
    assert {window.shape for window in windows} == {(4, 5)}
    assert len(windows) == 2 * 3
    assert (np.unique(np.concatenate(windows)) == np.arange(stack.size)).all()
