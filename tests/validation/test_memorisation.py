"""Copies of training slices are found, real material that was not trained on is no copy."""

from functools import cache

import numpy as np
import pytest

from recon.core import Micrographs, ReconError, Volume
from recon.validation.memorisation.memorisation import detect_memorisation
from recon.validation.memorisation.nearest import Library
from recon.workflow.examples import EXAMPLES


@cache
def material():
    """Micrographs of one half of porous material, and a part of the other half."""
    labels = EXAMPLES["porous"].generate((96, 96, 96))
    half = labels[:48]
    planes = {
        "xy": half[::4],
        "xz": half.transpose(1, 0, 2)[::8],
        "yz": half.transpose(2, 0, 1)[::8],
    }
    return Micrographs(planes), labels[50:90, 20:60, 30:70]


@cache
def found(name):
    micrographs, labels = material()
    labels = labels.copy()
    if name == "slices":
        for z in range(0, 40, 5):
            labels[z] = micrographs.planes["xy"][z // 4][40:80, 13:53][::-1]
    if name == "noisy":
        noise = np.random.default_rng(0).random(labels.shape) < 0.06
        for y in range(0, 40, 2):
            copy = micrographs.planes["xz"][y // 4][4:44, 30:70]
            labels[:, y] = np.where(noise[:, y], labels[:, y], copy)
    return detect_memorisation(Volume(labels), micrographs)


def test_real_material_is_no_copy():
    result = found("real")
    assert not result.seen and not result.missing
    assert sum(size.copied.sum() for size in result.sizes) == 0
    assert result.share < 0.2
    assert "no sign of copying" in result.to_text()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "plane"), [("slices", "xy"), ("noisy", "xz")])
def test_pasted_slices_are_copies(name, plane):
    result = found(name)
    assert result.seen
    assert {size.plane for size in result.copied} == {plane}
    assert f"copying is seen on {plane}" in result.to_text()
    whole = next(s for s in result.sizes if s.plane == plane and s.side == (40, 40))
    assert whole.generated.distance.min() < 0.1 < whole.real.distance.min()


def test_dataset_and_seed():
    result = found("slices")
    table = result.to_dataset()
    assert table.sizes["plane"] == 3 and table.attrs["seen"] == 1
    assert float(table["distance"].sel(plane="xy", size="slice", source="generated")[0]) == 0
    assert (table["distance"].diff("quantile") >= 0).all()
    assert tuple(table["side"].sel(plane="xy", size="slice").values) == (40, 40)
    again = detect_memorisation(Volume(material()[1]), material()[0], seed=0)
    assert again.to_dataset().equals(found("real").to_dataset())


def test_held_out_slices_serve_as_real_ones():
    micrographs, labels = material()
    result = detect_memorisation([Volume(labels)], micrographs, held_out=Volume(labels))
    assert not result.seen and result.share < 0.2


def test_one_slice_a_plane_is_cut_in_halves():
    micrographs, labels = material()
    single = Micrographs({plane: stack[:1] for plane, stack in micrographs.planes.items()})
    copied = labels.copy()
    copied[:] = single.planes["xy"][0][:40, :40]
    assert not detect_memorisation(Volume(labels), single).seen
    assert detect_memorisation(Volume(copied), single).seen


def test_without_real_slices_nothing_is_judged():
    blank = Micrographs({"xy": [np.zeros((20, 20), int)]}, phases=["a", "b"])
    result = detect_memorisation(Volume(np.zeros((20, 20, 20), int), phases=["a", "b"]), blank)
    assert not result.seen
    with pytest.raises(ReconError, match="same phases, got 3 and 2"):
        detect_memorisation(Volume(np.zeros((20, 20, 20), int), phases="abc"), blank)


@pytest.mark.parametrize("phases", [2, 3])
def test_the_nearest_window_is_exact(phases):
    rng = np.random.default_rng(phases)
    slices = [rng.integers(0, phases, shape).astype(np.uint8) for shape in ((21, 30), (25, 17))]
    window = rng.integers(0, phases, (6, 9)).astype(np.uint8)
    mirrored = [window[::a, ::b] for a in (1, -1) for b in (1, -1)]
    for image, distance in zip(slices, Library(slices, phases).find_distances(window), strict=True):
        places = np.lib.stride_tricks.sliding_window_view(image, window.shape)
        unequal = min((places != one).sum((2, 3)).min() for one in mirrored)
        assert round(distance * window.size, 6) == unequal
    large = np.zeros((22, 5), np.uint8)
    assert Library(slices, phases).find_distances(large)[0] == 1
