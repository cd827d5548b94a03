"""Abaqus input: one hexahedron a voxel, an element set a phase, node sets of the boundary."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TextIO

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.core.errors import unknown
from recon.plugins.exporters.format import Format, Progress, Writer, kept, lengths, plain_names
from recon.plugins.exporters.materials import Materials, blocks
from recon.plugins.exporters.periodic import REFERENCES, equations

ELEMENTS = ("C3D8", "C3D8R", "C3D8I")
AXES = ("Z", "Y", "X")
CORNERS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0))
"""Nodes (z, y, x) of the lower side of a hexahedron, counterclockwise seen from above."""

STEP = """** A step, to be taken out of its comments: 1 % strain along x, free across
** *STEP
** *STATIC
** *BOUNDARY
** REF_X, 1, 1, {jump:.6g}
** *NODE PRINT, NSET=REF_X
** RF
** *END STEP
"""


@attrs.frozen(eq=False)
class Abaqus(Format):
    """Nodes, elements, sets, sections and materials, flat (no parts), for Abaqus and CalculiX.

    Node (k, j, i) is number 1 + i + (nx + 1) (j + (ny + 1) k), voxel (k, j, i) is element
    1 + i + nx (j + ny k), for k, j, i along z, y, x; phases left out leave gaps. Micrometres,
    because solvers take the Jacobian of an element of 1e-20 m3 for zero.
    """

    about = "Abaqus input, C3D8 with sets of phases, faces, edges, corners"
    unit: str = "um"
    without: tuple[str, ...] = ()
    element: str = "C3D8"
    periodic_equations: bool = False
    materials: Materials | None = None

    def files(self, path: Path, volume: Volume) -> Mapping[Path, Writer]:
        edges = lengths(volume, self.unit)
        if self.element not in ELEMENTS:
            raise unknown("element", self.element, ELEMENTS)
        labels = kept((*self.without, *self._voids(volume)), volume)
        if self.materials is not None:
            self.materials.check(labels, volume.phases)

        def write(place: Path, progress: Progress) -> None:
            with place.open("w", encoding="ascii", newline="\n") as file:
                self._write(file, volume, labels, edges, lambda k, n: progress(str(path), k, n))

        return {path: write}

    def _voids(self, volume: Volume) -> list[str]:
        """Phases whose material is void: elements that bear nothing are no elements."""
        known = self.materials.phases if self.materials is not None else ()
        return [n for n, material in zip(volume.phases, known, strict=False) if material.void]

    def _write(
        self,
        file: TextIO,
        volume: Volume,
        labels: Sequence[int],
        edges: tuple[float, float, float],
        tell: Callable[[int, int], None],
    ) -> None:
        used = _used(volume.labels, labels)
        plain = plain_names([volume.phases[label].upper() for label in labels], "A-Z0-9_")
        names = {label: f"PHASE_{name}" for label, name in zip(labels, plain, strict=True)}
        references = tuple(used.size + 3 - axis for axis in range(3))
        file.write(_heading(volume, names, self.unit))
        total = len(used) + len(labels) * len(volume.labels)
        done = 0
        file.write("*NODE\n")
        for layer in _nodes(used, edges):
            file.write(layer)
            tell(done := done + 1, total)
        if self.periodic_equations:
            file.write(_reference_nodes(used, edges, references))
        for label, name in names.items():
            file.write(f"*ELEMENT, TYPE={self.element}, ELSET={name}\n")
            for layer in _elements(volume.labels, label):
                file.write(layer)
                tell(done := done + 1, total)
        file.writelines(_boundary_sets(used))
        file.writelines(blocks(self.materials, names, self.unit))
        if self.periodic_equations:
            file.writelines(_periodic(used, edges, references))


def _heading(volume: Volume, names: dict[int, str], unit: str) -> str:
    z, y, x = volume.shape
    sets = "".join(f"**   {name}: label {label}\n" for label, name in names.items())
    gone = [str(label) for label in range(len(volume.phases)) if label not in names]
    sets += f"**   left out or without a voxel: label {', '.join(gone)}\n" if gone else ""
    return (
        f"*HEADING\nrecon: {x} x {y} x {z} voxels (x, y, z), lengths in {unit}\n"
        f"** Element sets of the phases:\n{sets}"
    )


def _used(labels: NDArray[np.uint8], chosen: Sequence[int]) -> NDArray[np.bool_]:
    """(nz + 1, ny + 1, nx + 1) whether a node belongs to an element of the chosen labels."""
    solid = np.isin(labels, chosen)
    used = np.zeros([side + 1 for side in labels.shape], bool)
    for corner in product((0, 1), repeat=3):
        used[tuple(slice(c, c + n) for c, n in zip(corner, labels.shape, strict=True))] |= solid
    return used


def _nodes(used: NDArray[np.bool_], edges: tuple[float, float, float]) -> Iterator[str]:
    """Data lines of *NODE, one layer of z at a time."""
    depth, height, width = used.shape
    xs, ys, zs = (
        [f"{k * edge:.10g}" for k in range(side)]
        for side, edge in zip((width, height, depth), edges, strict=True)
    )
    for k, layer in enumerate(used):
        first = 1 + width * height * k
        rows = zip(*(place.tolist() for place in layer.nonzero()), strict=True)
        yield "".join(f"{first + j * width + i}, {xs[i]}, {ys[j]}, {zs[k]}\n" for j, i in rows)


def _elements(labels: NDArray[np.uint8], label: int) -> Iterator[str]:
    """Data lines of *ELEMENT of one phase, one layer of z at a time."""
    _, height, width = labels.shape
    row, sheet = width + 1, (width + 1) * (height + 1)
    lower = np.array([y * row + x for _, y, x in CORNERS])
    corners = np.concatenate([[0], lower, lower + sheet])
    for k, layer in enumerate(labels):
        j, i = (layer == label).nonzero()
        numbers = np.add.outer(1 + i + row * j + sheet * k, corners)
        numbers[:, 0] = 1 + i + width * (j + height * k)
        yield ("%d, %d, %d, %d, %d, %d, %d, %d, %d\n" * len(i)) % tuple(numbers.ravel().tolist())


def _boundary_sets(used: NDArray[np.bool_]) -> Iterator[str]:
    """Node sets FACE_X0, FACE_X1, ..., EDGE_X0_Y0, ..., CORNER_X0_Y0_Z0, ...

    A face holds its edges and corners, an edge its corners. Sets without a node are left out.
    """
    numbers = np.arange(1, used.size + 1).reshape(used.shape)
    for kind, count in (("FACE", 1), ("EDGE", 2), ("CORNER", 3)):
        for ends in product((None, 0, 1), repeat=3):
            if sum(end is not None for end in ends) != count:
                continue
            there = tuple(slice(None) if end is None else -end for end in ends)
            found = np.atleast_1d(numbers[there])[np.atleast_1d(used[there])]
            name = "_".join(
                f"{axis}{end}"
                for axis, end in reversed(list(zip(AXES, ends, strict=True)))
                if end is not None
            )
            if len(found):
                yield f"*NSET, NSET={kind}_{name}\n{_list(found)}"


def _list(numbers: NDArray[np.int_]) -> str:
    """Sixteen numbers a line, as many as Abaqus takes."""
    text = list(map(str, numbers.tolist()))
    return "".join(", ".join(text[k : k + 16]) + "\n" for k in range(0, len(text), 16))


def _reference_nodes(
    used: NDArray[np.bool_], edges: tuple[float, float, float], references: Sequence[int]
) -> str:
    """Reference nodes outside the box, a tenth beyond the end of their axis."""
    lines = []
    for axis in (2, 1, 0):
        place = [0.0, 0.0, 0.0]
        place[2 - axis] = 1.1 * (used.shape[axis] - 1) * edges[2 - axis]
        lines.append(f"{references[axis]}, {', '.join(f'{p:.10g}' for p in place)}\n")
    return "".join(lines)


def _periodic(
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
    yield from equations(used, (z, y, x))
    yield "*BOUNDARY\nFIXED, 1, 3\nREF_Y, 1, 1\nREF_Z, 1, 2\n"
    yield STEP.format(jump=0.01 * (used.shape[2] - 1) * edges[0])
