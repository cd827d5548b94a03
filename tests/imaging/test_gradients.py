"""Graded micrographs are told from uniform ones, and their profile is found."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.core import Micrographs
from recon.imaging.gradients import describe_gradients, find_gradients
from recon.imaging.plane_check.plane_check import describe_planes
from recon.workflow.examples import EXAMPLES


def make(profile, axis=0, seed=0, shape=(96, 80, 88)):
    """A thresholded Gaussian field; the fraction of phase 1 along the axis is the profile's."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.0)
    field = np.moveaxis(field, axis, 0)
    wanted = np.interp(np.linspace(0, 1, len(field)), np.linspace(0, 1, len(profile)), profile)
    level = np.quantile(field, 1 - wanted)[:, None, None]
    return np.moveaxis((field > level).astype(np.uint8), 0, axis)


def cut(labels, step=12, planes=("xy", "xz", "yz"), phases=("pore", "solid")):
    normal = {"xy": 0, "xz": 1, "yz": 2}
    stacks = {plane: list(np.moveaxis(labels, normal[plane], 0)[::step]) for plane in planes}
    return Micrographs(stacks, phases=phases)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("profile", [(0.35, 0.55), (0.3, 0.5, 0.3)])
def test_the_axis_and_the_profile_are_found(axis, profile):
    labels = make(profile, axis)
    micrographs = cut(labels)
    (gradients,) = find_gradients(micrographs)
    assert gradients.axis == "zyx"[axis]
    along = (labels == gradients.phase).mean(tuple({0, 1, 2} - {axis}))
    shown = np.interp(np.linspace(0, 4, len(along)), np.arange(5), gradients.profile)
    blocks = [part.mean() for part in np.array_split(shown - along, 4)]
    assert np.allclose(blocks, 0, atol=0.03)
    (line,) = describe_gradients(micrographs)
    assert f"graded along {gradients.axis}: the fraction of" in line
    assert f"harmonizer.profile_axis={gradients.axis}" in line
    assert line in describe_planes(micrographs)


def test_fractions_in_the_notice_lie_between_0_and_1():
    """Of a part without phase 1 the segments that fit go below 0."""
    labels = make((0.5, 0.5))
    labels[:24] = 0
    (gradients,) = find_gradients(cut(labels))
    assert gradients.fractions.min() < -0.01
    (line,) = describe_gradients(cut(labels))
    first, last = line.split("changes from ")[1].split("; ")[0].split(" to ")
    assert 0 <= float(first) <= 1 and 0 <= float(last) <= 1 and first in ("0.00", "1.00")


def test_one_image_of_a_cross_section_is_enough():
    (gradients,) = find_gradients(cut(make((0.2, 0.6), shape=(96, 16, 640)), 100, ("xz",)))
    assert gradients.axis == "z"


@pytest.mark.parametrize("seed", range(5))
def test_a_uniform_material_is_not_graded(seed):
    assert not find_gradients(cut(make((0.4, 0.4), seed=seed), 8))


def test_coarse_textures_are_not_graded():
    labels = make((0.4, 0.4), seed=1, shape=(32, 26, 29)).repeat(6, 0).repeat(6, 1).repeat(6, 2)
    assert not find_gradients(cut(labels, 24))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_examples_are_not_graded(name):
    labels = EXAMPLES[name].generate((96, 96, 96))
    assert not find_gradients(cut(labels, 8, phases=EXAMPLES[name].phases))


def test_small_images_are_left_out():
    assert not find_gradients(cut(make((0.3, 0.6), shape=(24, 20, 24))))
