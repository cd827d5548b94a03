"""Whether the texture of a plane is tilted: unlike its own mirror image.

Mirroring one axis turns the autocovariance rho(r1, r2) into rho(r1, -r2). Where the two differ
beyond the sampling error, mirrored crops would teach the network a texture that does not exist.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

BLOCKS, MEMBERS = 16, 4
WINDOWS, ENOUGH = (48, 32, 24, 16), 16
MAX_LAG = 8
SIGNIFICANCE = 0.01
EFFECT = 0.02
"""Least difference that matters, as a share of the variance (of half the two covariances)."""
DRAWS = 2000


def tilted(slices: Sequence[NDArray[np.uint8]], phases: int, seed: int = 0) -> bool:
    """Whether rho(r1, r2) - rho(r1, -r2) is real, and large enough to matter.

    The antisymmetric part a_i is measured on windows of the slices. Its energy, estimated without
    bias by the mean of <a_i, a_j> over i != j, is compared with that under random signs of the
    a_i, which a mirror-symmetric texture cannot tell apart. With fewer than eight windows (of
    16 pixels or more) no such test reaches 1 %, and the answer is no.
    """
    parts = _antisymmetric_parts(slices, phases)
    n = len(parts)
    if n < 8 or np.abs(parts.mean(0)).max() < EFFECT:
        return False
    gram = parts @ parts.T
    np.fill_diagonal(gram, 0.0)
    signs = np.random.default_rng([seed, n]).choice([-1.0, 1.0], size=(DRAWS, n))
    chance = np.einsum("di,ij,dj->d", signs, gram, signs)
    return bool((1 + (chance >= gram.sum()).sum()) / (1 + DRAWS) < SIGNIFICANCE)


def _antisymmetric_parts(slices: Sequence[NDArray[np.uint8]], phases: int) -> NDArray[np.float64]:
    """(rho(r1, r2) - rho(r1, -r2)) / 2 over the variance, (windows, phases x lags).

    Windows at the same place of neighbouring slices are averaged into at most BLOCKS groups:
    the slices of a stack repeat each other and are not as many samples. Of each group at most
    some MEMBERS are read, which bounds the cost.
    """
    share = np.mean([[np.mean(image == k) for k in range(phases)] for image in slices], 0)
    variance = (share * (1 - share)).sum()
    groups = np.array_split(np.arange(len(slices)), min(BLOCKS, len(slices)))
    groups = [group[:: -(-len(group) // MEMBERS)] for group in groups]
    shapes = [tuple(min(slices[i].shape[k] for i in group) for k in (0, 1)) for group in groups]
    window = next((w for w in WINDOWS if _count(shapes, w) >= ENOUGH), WINDOWS[-1])
    parts = []
    for group, (rows, columns) in zip(groups, shapes, strict=True):
        for here in itertools.product(_spans(rows, window), _spans(columns, window)):
            antisymmetric = [_antisymmetric(slices[i][here], share) for i in group]
            parts.append(np.mean(antisymmetric, 0) / variance)
    return np.array(parts)


def _count(shapes: Sequence[tuple[int, ...]], window: int) -> int:
    return sum(len(_spans(a, window)) * len(_spans(b, window)) for a, b in shapes)


def _spans(side: int, window: int) -> list[slice]:
    """Windows along one axis, of the given length or a little longer."""
    edges = np.linspace(0, side, max(1, side // window) + 1).astype(int)
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _antisymmetric(window: NDArray[np.uint8], share: NDArray[np.float64]) -> NDArray[np.float64]:
    fields = (window == np.arange(len(share))[:, None, None]) - share[:, None, None]
    la, lb = (min(MAX_LAG, side - 1) for side in window.shape)
    shape = [window.shape[0] + la, window.shape[1] + lb]
    products = scipy.fft.irfft2(np.abs(scipy.fft.rfft2(fields, shape)) ** 2, shape)
    r1, r2 = np.arange(1, la + 1)[:, None], np.arange(1, lb + 1)
    pairs = (window.shape[0] - r1) * (window.shape[1] - r2)
    part = (products[:, r1, r2] - products[:, r1, -r2]) / (2 * pairs)
    return np.pad(part, ((0, 0), (0, MAX_LAG - la), (0, MAX_LAG - lb))).ravel()
