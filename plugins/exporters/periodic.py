"""Periodic boundary conditions as linear equations between nodes.

The displacement of a node on a far face is that of its image on the near one plus the jump of the
box along that axis, which is the displacement of a reference node:

    u(x + L_a e_a) = u(x) + u(REF_a),   u(REF_a)_j = H_ja L_a,   H the macroscopic gradient

A node of an edge or a corner has up to seven images; all of them hang on one, once.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

REFERENCES = ("REF_Z", "REF_Y", "REF_X")
"""Names of the reference nodes, by axis of the array."""


def equations(used: NDArray[np.bool_], references: tuple[int, int, int]) -> Iterator[str]:
    """Data lines of *EQUATION, pieces of text of one kind of node each.

    used        (z, y, x) whether there is a node; node (k, j, i) has the number
                1 + i + nx (j + ny k)
    references  numbers of the reference nodes (z, y, x)

    In each group of images the one of the lowest number is never eliminated, and every other once,
    by its first term. An image that is not there (left out elements) has no equation, so that a
    free surface on the far side of a pore stays free.
    """
    for axes in product((False, True), repeat=3):
        if any(axes):
            yield from _of_kind(used, np.array(axes), references)


def _of_kind(
    used: NDArray[np.bool_], wraps: NDArray[np.bool_], references: tuple[int, int, int]
) -> Iterator[str]:
    """Equations of the nodes that lie on faces normal to the given axes and on no others."""
    sides = np.array(used.shape)
    strides = np.array([sides[1] * sides[2], sides[2], 1])
    near = [
        np.array([0]) if on else np.arange(1, n - 1) for on, n in zip(wraps, sides, strict=True)
    ]
    base = np.add.outer(np.add.outer(near[0] * strides[0], near[1] * strides[1]), near[2]).ravel()
    choices = [(0, 1) if on else (0,) for on in wraps]
    shifts = np.array(list(product(*choices)))  # of ascending node number
    images = base + (shifts * (sides - 1) @ strides)[:, None]
    here = used.ravel()[images]
    first = here.argmax(0)
    for i, shift in enumerate(shifts):
        for f in range(i):
            nodes = np.flatnonzero(here[i] & (first == f))
            if len(nodes):
                pairs = np.stack([images[i, nodes], images[f, nodes]], 1) + 1
                template = _template(shift - shifts[f], references)
                yield (template * len(pairs)) % tuple(np.tile(pairs, 3).ravel().tolist())


def _template(jump: NDArray[np.int_], references: tuple[int, int, int]) -> str:
    """Three equations, one a degree of freedom, with places for node and image."""
    lines = ""
    for freedom in (1, 2, 3):
        terms = [f"%d, {freedom}, 1.", f"%d, {freedom}, -1."]
        terms += [
            f"{node}, {freedom}, {-step}."
            for node, step in zip(references, jump.tolist(), strict=True)
            if step
        ]
        rows = [", ".join(terms[k : k + 4]) for k in range(0, len(terms), 4)]  # 4 terms a line
        lines += f"{len(terms)}\n" + "\n".join(rows) + "\n"
    return lines
