"""Hypothesis strategies of labels, volumes and micrographs, and one small volume."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.data.volume import Volume


@st.composite
def labels(
    draw: st.DrawFn,
    min_side: int = 1,
    max_side: int = 9,
    phases: int = 3,
    dimensions: int = 3,
    long_side: int = 0,
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Arrays of phase labels: random ones, stretched along each axis by a factor of its own.

    long_side  at times one side is drawn from 60 to this instead: past a machine word
    """
    shape = [draw(st.integers(min_side, max_side)) for _ in range(dimensions)]
    if long_side and draw(st.booleans()):
        shape[draw(st.integers(0, dimensions - 1))] = draw(st.integers(60, long_side))
    stretch = [draw(st.integers(1, 7)) for _ in range(dimensions)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = [-(-side // factor) for side, factor in zip(shape, stretch, strict=True)]
    array = rng.integers(0, phases, coarse, np.uint8)
    for axis, factor in enumerate(stretch):
        array = array.repeat(factor, axis)
    return array[tuple(slice(side) for side in shape)]


@st.composite
def volumes(draw: st.DrawFn, min_side: int = 1, max_side: int = 9, phases: int = 3) -> Volume:
    """Volumes of random labels, K = phases, with anisotropic voxels."""
    size = draw(st.tuples(*[st.floats(1e-9, 1e-3)] * 3))
    names = [f"phase {k}" for k in range(phases)]
    return Volume(draw(labels(min_side, max_side, phases)), size, names)


@st.composite
def micrographs(
    draw: st.DrawFn, min_side: int = 2, max_side: int = 9, phases: int = 3
) -> Micrographs:
    """Micrographs of one to three planes, slices of different sizes."""
    planes = draw(st.lists(st.sampled_from(PLANES), min_size=1, unique=True))
    image = labels(min_side, max_side, phases, dimensions=2)
    stacks = {plane: draw(st.lists(image, min_size=1, max_size=3)) for plane in planes}
    return Micrographs(stacks, phases=[f"phase {k}" for k in range(phases)])


def sample_volume() -> Volume:
    """A small volume of two phases and unequal sides, for checks."""
    z, y, x = np.indices((12, 10, 8))
    return Volume(np.sin(z / 2) + np.sin(y / 3) + np.sin(x) > 0, (1e-6,) * 3)
