"""Clean estimates and phase fractions conditioned on the anchors."""

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.statistics import Statistics
from recon.core.sampling.anchors import impose_anchors
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import as_tensor
from recon.core.sampling.slabs.field import Field
from recon.plugins.harmonizers.anchor_interface import match_interface
from recon.plugins.harmonizers.interface import expect_interface_by_axis
from recon.plugins.harmonizers.kriging import expect_fractions, explain_variance, krige
from recon.plugins.harmonizers.phase_balance import clamp_estimate
from recon.plugins.harmonizers.prior import Prior

OPEN = 0.1
"""Noise-to-signal ratio below which the slices beside an anchor are left as they are."""


def condition_estimate(estimate: Field, s2: float, scene: Scene, prior: Prior) -> Field:
    """The estimate at noise-to-signal ratio s2 given the anchors, which are in it afterwards.

    What the noise leaves open has the power of a Wiener filter's error, and over its correlation
    length a known slice tells of its neighbourhood.
    """
    if not scene.anchors:
        return estimate
    field, p3 = as_tensor(estimate), prior.spectrum.p3
    field = field + krige(field, scene.anchors, prior.spectrum, p3 * s2 / (p3 + s2))
    if scene.fractions is not None:
        field = as_tensor(clamp_estimate(field))
        if s2 >= OPEN:
            interface = expect_interface_by_axis(prior.statistics)
            field = match_interface(field, scene.anchors, interface, scene.periodic)
    return impose_anchors(field, scene.anchors)


def condition_statistics(
    scene: Scene, prior: Prior
) -> tuple[Statistics, NDArray[np.float64] | float]:
    """Statistics with the fractions to expect given the anchors, and the share (C,) of the
    variance of a volume's fractions that the anchors explain."""
    if not scene.anchors:
        return prior.statistics, 0.0
    fractions = expect_fractions(prior.statistics.mean, scene.anchors, prior.spectrum)
    statistics = attrs.evolve(prior.statistics, fractions=fractions)
    return statistics, explain_variance(scene.anchors, prior.spectrum)
