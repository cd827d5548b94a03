import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, Volume
from recon.validation.comparison import compare as comparing
from recon.validation.comparison.compare import compare

NAMES = ("two-point", "chord-length.mean", "contact")
CALLS = ("measure_window_groups", "measure_power")


def labels(shape, seed):
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, 1.5, mode="wrap") > 0).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("RECON_CACHE")
    return tmp_path / "recon" / "references"


@pytest.fixture
def calls(monkeypatch):
    """Names of what is measured of the reference, as it is called."""
    called = []

    def watch(name):
        original = getattr(comparing, name)

        def call(*arguments, **options):
            called.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(comparing, name, call)

    for name in CALLS:
        watch(name)
    return called


@pytest.fixture
def micrographs():
    whole = labels((48, 48, 48), 1)
    planes = {"xy": list(whole[::4]), "yz": list(np.moveaxis(whole[:, :, ::4], 2, 0))}
    return Micrographs(planes, phases=("pore", "solid"))


def look(micrographs, seed=2):
    sample = Volume(labels((16, 16, 16), seed), phases=micrographs.phases)
    return compare([sample], micrographs, NAMES)


def test_a_second_comparison_measures_nothing_of_the_reference_and_says_the_same(
    folder, calls, micrographs
):
    first = look(micrographs)
    assert calls == list(CALLS) and len(list(folder.iterdir())) == 2
    again = look(micrographs)
    assert calls == list(CALLS)
    assert again.to_table() == first.to_table() and again.power
    for name, agreement in first.metrics.items():
        kept = again.metrics[name]
        assert kept.reference.identical(agreement.reference)
        assert kept.sampling_error.curves.identical(agreement.sampling_error.curves)
    look(micrographs, seed=3)  # another volume of the same size
    assert calls == list(CALLS)


@pytest.mark.slow
def test_another_pixel_or_size_is_measured_anew(folder, calls, micrographs):
    look(micrographs)
    planes = {plane: [image.copy() for image in s] for plane, s in micrographs.planes.items()}
    planes["yz"][3][5, 5] ^= 1
    look(Micrographs(planes, phases=micrographs.phases))
    assert calls == 2 * list(CALLS)
    sample = Volume(labels((16, 16, 20), 2), phases=micrographs.phases)
    compare([sample], micrographs, NAMES)
    assert calls == 3 * list(CALLS)


@pytest.mark.slow
def test_damaged_files_are_made_anew_and_a_place_that_cannot_be_written_is_let_be(
    folder, calls, micrographs, monkeypatch
):
    first = look(micrographs)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:20])
    assert look(micrographs).to_table() == first.to_table()
    assert calls == 2 * list(CALLS)
    blocked = folder.parent.parent / "a file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert look(micrographs).to_table() == first.to_table()


def test_it_can_be_switched_off(folder, calls, micrographs, monkeypatch):
    monkeypatch.setenv("RECON_CACHE", "off")
    look(micrographs)
    look(micrographs)
    assert calls == 2 * list(CALLS) and not folder.exists()
