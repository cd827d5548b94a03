"""Volumes with a known fault, of the embedded examples: on which plane it is found, and by what.

Each is made of a real subvolume that the micrographs do not show, which itself must pass.
"""

import numpy as np
import pytest
from scipy import ndimage

from recon.core import Volume
from recon.validation.comparison.compare import compare
from recon.validation.comparison.verdict import CLOSE, INDISTINGUISHABLE, NOT_EQUIVALENT
from recon.workflow.examples import example
from recon.workflow.model import train
from recon.workflow.reconstruct import reconstruct

pytestmark = pytest.mark.slow

SIDE = 64


def cut_unseen(name):
    micrographs, truth = example(name)
    return micrographs, truth.labels[-SIDE:, :SIDE, :SIDE]


def judge(micrographs, *volumes):
    """A verdict for each by itself."""
    samples = [
        Volume(labels.astype(np.uint8), micrographs.voxel_size, micrographs.phases)
        for labels in volumes
    ]
    return [one.verdict for one in compare(samples, micrographs).each()]


def list_failing(verdict, levels=(NOT_EQUIVALENT,)):
    """(plane, statistic) of what is beyond twice its limit, or has one of these levels."""
    return {(one.where, one.statistic) for one in verdict.findings if one.level in levels}


def bend_along_z(labels, voxels, period):
    """Every slice normal to z is moved as a whole, so that only the side views are bent."""
    waves = (voxels * np.sin(2 * np.pi * np.arange(len(labels)) / period + p) for p in (0, 1.6))
    shifts = zip(*(np.round(wave).astype(int) for wave in waves), strict=True)
    return np.stack([np.roll(s, move, (0, 1)) for s, move in zip(labels, shifts, strict=True)])


def test_bent_fibres_are_found_on_the_planes_that_show_them_and_on_no_other():
    micrographs, labels = cut_unseen("fibres")
    real, bent = judge(micrographs, labels, bend_along_z(labels, 4, 40))
    assert real.level == INDISTINGUISHABLE
    assert bent.level == NOT_EQUIVALENT
    failing = list_failing(bent)
    assert {("xz", "classifier"), ("yz", "classifier"), ("xz", "components.number")} <= failing
    beyond = list_failing(bent, (CLOSE, NOT_EQUIVALENT))
    assert {("xz", "straight-chord.orientation"), ("yz", "straight-chord.orientation")} <= beyond
    assert {("xz", "bent-chord"), ("yz", "bent-chord")} <= beyond
    assert "xy" not in {plane for plane, _ in beyond}


def test_a_rim_of_the_third_phase_is_found_by_what_touches_what():
    micrographs, labels = cut_unseen("electrode")
    beside = ndimage.binary_dilation(labels == 0) & (labels == 1)
    real, rimmed = judge(micrographs, labels, np.where(beside, 2, labels))
    assert real.level == INDISTINGUISHABLE
    assert rimmed.level == NOT_EQUIVALENT
    assert {("xy", "contact"), ("xz", "contact"), ("yz", "contact")} <= list_failing(rimmed)


def test_a_network_of_twenty_steps_is_not_equivalent():
    micrographs, _ = cut_unseen("fibres")
    model = train(micrographs, steps=20, volume_steps=0, device="cpu")
    (verdict,) = judge(micrographs, reconstruct(model, shape=(SIDE,) * 3)[0].labels)
    assert verdict.level == NOT_EQUIVALENT
    assert "classifier" in {statistic for _, statistic in list_failing(verdict)}
