import json

import numpy as np
import pytest
import xarray as xr

from recon.core import ChunkedVolume, Micrographs, ReconError, Volume, measure_all
from recon.core.data.phases import index_phase_names
from recon.core.recipe import Choice
from recon.workflow.results import concat_samples, from_table, to_table

LABELS = np.indices((6, 6, 6)).sum(0) % 3
VOLUME = Volume(LABELS, phases=("pore", "solid", "2"))


@pytest.mark.parametrize(
    "phase, label", [("pore", 0), (1, 1), ("1", 1), ("2", 2), (np.int64(2), 2), ("0", 0)]
)
def test_a_phase_is_found_by_name_or_label(phase, label):
    assert VOLUME.find_label(phase) == label
    assert Micrographs({"xy": [LABELS[0]]}, phases=VOLUME.phases).find_label(phase) == label


def test_a_name_of_digits_goes_before_the_label_and_a_number_is_a_label():
    swapped = Volume(LABELS > 1, phases=("1", "0"))
    assert swapped.find_label("1") == 0 and swapped.find_label(1) == 1


@pytest.mark.parametrize(
    "phase, message",
    [
        ("poer", "unknown phase 'poer'; did you mean 'pore'?"),
        (3, "unknown phase '3'; known: 0, 1, 2, pore, solid"),
        (-1, "unknown phase '-1'"),
        ("", "unknown phase ''"),
    ],
)
def test_an_unknown_phase_is_told_in_one_line(phase, message):
    with pytest.raises(ReconError) as told:
        VOLUME.find_label(phase)
    assert str(told.value).startswith(message)


def test_results_are_selected_by_name_too():
    names = ("volume-fraction", "two-point", "percolation", "orientation-tensor")
    results = measure_all(VOLUME, names)
    for name in names[:3]:
        by_name = results[name].sel(phase_name="solid")
        assert by_name.identical(results[name].sel(phase=1))
        assert results[name]["phase"].values.tolist() == [0, 1, 2]
    assert "phase_name" not in results["orientation-tensor"].coords
    chunked = ChunkedVolume(LABELS.astype(np.uint8), 1 << 30, phases=VOLUME.phases)
    assert measure_all(chunked, names[1:2])["two-point"].identical(results["two-point"])


def test_the_index_survives_a_file_and_several_samples():
    results = measure_all(VOLUME, ("two-point", "percolation"))
    again = from_table(json.loads(json.dumps(to_table(results))))
    for name, value in results.items():
        xr.testing.assert_identical(again[name], value)
        both = concat_samples([value, again[name]])
        assert both.sel(phase_name="2", sample=1).sizes == value.sel(phase=2).sizes


@pytest.mark.parametrize(
    "coords", [{"phase": ["pore", "solid"]}, {"phase": [0.0, 1.0]}, {"phase": [1, 3]}, {}]
)
def test_what_has_no_labels_of_these_phases_is_left_alone(coords):
    value = xr.DataArray([1.0, 2.0], coords, ("phase",))
    assert index_phase_names(value, VOLUME.phases).identical(value)


def test_some_of_the_phases_have_their_names():
    value = xr.DataArray([1.0, 2.0], {"phase": [2, 0]}, ("phase",))
    assert float(index_phase_names(value, VOLUME.phases).sel(phase_name="pore")) == 2


def test_options_that_are_phases_take_names():
    def relative(*phases):
        choice = Choice("diffusivity", {"phases": list(phases), "axes": ["z"]})
        return measure_all(VOLUME, (), [choice])["diffusivity"]["relative"].item()

    assert relative("solid", "2") == relative(1, 2) == relative("solid", 2) > 0
    with pytest.raises(ReconError, match="did you mean 'solid'"):
        relative("solit")
    with pytest.raises(ReconError, match="each once"):
        relative("solid", 1)
    tensors = [
        measure_all(VOLUME, [Choice("orientation-tensor", {"phase": phase})])["orientation-tensor"]
        for phase in ("solid", 1)
    ]
    assert tensors[0].identical(tensors[1])
