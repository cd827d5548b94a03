"""Periodic boundary conditions as linear equations between nodes.

The displacement of a node on a far face is that of its image on the near one plus the jump of the
box along that axis, which is the displacement of a reference node:

    u(x + L_a e_a) = u(x) + u(REF_a),   u(REF_a)_j = H_ja L_a,   H the macroscopic gradient

A node of an edge or a corner has up to seven images; all of them hang on one, once.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

STEP = """** A step, to be taken out of its comments: 1 % strain along x, free across
** *STEP
** *STATIC
** *BOUNDARY
** REF_X, 1, 1, {jump:.6g}
** *NODE PRINT, NSET=REF_X
** RF
** *END STEP
"""

REFERENCES = ("REF_Z", "REF_Y", "REF_X")
"""Names of the reference nodes, by axis of the array."""


def format_reference_nodes(
    used: NDArray[np.bool_], edges: tuple[float, float, float], references: Sequence[int]
) -> str:
    """Reference nodes outside the box, a tenth beyond the end of their axis."""
    lines = []
    for axis in (2, 1, 0):
        place = [0.0, 0.0, 0.0]
        place[2 - axis] = 1.1 * (used.shape[axis] - 1) * edges[2 - axis]
        lines.append(f"{references[axis]}, {', '.join(f'{p:.10g}' for p in place)}\n")
    return "".join(lines)


def format_periodic(
    used: NDArray[np.bool_], edges: tuple[float, float, float], references: Sequence[int]
) -> Iterator[str]:
    yield (
        "** Periodic boundary conditions: u(x + L e) - u(x) = u(REF) for each axis.\n"
        "** The degrees of freedom of the reference nodes are the macroscopic strain:\n"
        "**   REF_X,1 = Lx exx   REF_Y,2 = Ly eyy   REF_Z,3 = Lz ezz\n"
        "**   REF_X,2 = Lx gxy   REF_X,3 = Lx gxz   REF_Y,3 = Ly gyz  (engineering shears)\n"
        "** the three others are held, which excludes rotation. One that is not prescribed is\n"
        "** free of mean stress. The reaction force there is the mean stress times the area of\n"
        "** the face normal to the axis.\n"
    )
    for axis in (2, 1, 0):
        yield f"*NSET, NSET={REFERENCES[axis]}\n{references[axis]}\n"
    yield f"*NSET, NSET=FIXED\n{int(used.argmax()) + 1}\n"
    yield "*EQUATION\n"
    z, y, x = references
    yield from format_equations(used, (z, y, x))
    yield "*BOUNDARY\nFIXED, 1, 3\nREF_Y, 1, 1\nREF_Z, 1, 2\n"
    yield STEP.format(jump=0.01 * (used.shape[2] - 1) * edges[0])


def format_equations(used: NDArray[np.bool_], references: tuple[int, int, int]) -> Iterator[str]:
    """Data lines of *EQUATION, parts of text of one kind of node each.

    used        (z, y, x) whether there is a node; node (k, j, i) has the number
                1 + i + nx (j + ny k)
    references  numbers of the reference nodes (z, y, x)

    In each group of images the one of the lowest number is never eliminated, and every other once,
    by its first term. An image that is not there (left out elements) has no equation, so that a
    free surface on the far side of a pore stays free.
    """
    for axes in product((False, True), repeat=3):
        if any(axes):
            yield from _format_kind(used, np.array(axes), references)


def _format_kind(
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
                template = _build_template(shift - shifts[f], references)
                yield (template * len(pairs)) % tuple(np.tile(pairs, 3).ravel().tolist())


def _build_template(jump: NDArray[np.int_], references: tuple[int, int, int]) -> str:
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
