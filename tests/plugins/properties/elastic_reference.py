"""Random composites, and their exact answers written from the physics alone.

The element matrix is integrated as products of one-dimensional integrals, the equations of all
nodes are assembled and solved directly: nothing is shared with the solver but the Voigt order.
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from recon.core.testing import labels
from recon.plugins.materials.voigt import build_isotropic, build_orthotropic, rotate_stiffness
from recon.plugins.properties.elasticity.homogenize import Effective, Elements, homogenize
from recon.plugins.properties.elasticity.multigrid import Grid
from recon.plugins.properties.elasticity.torch_system import TorchSystem

Floats = NDArray[np.float64]
PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
OUT = {"x": [0, 4, 5], "y": [1, 3, 5], "z": [2, 3, 4]}
"""Stresses that are equal in all layers of a laminate normal to an axis."""
CORNERS = np.array(list(np.ndindex(2, 2, 2)))
"""Offsets (z, y, x) of the nodes of an element."""


def rotation(rng: np.random.Generator) -> Floats:
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return np.asarray(axes * np.sign(np.linalg.det(axes)))


def stiffness(rng: np.random.Generator, form: str) -> Floats:
    """A stiffness (6, 6) of a given symmetry."""
    E = 10 ** rng.uniform(-1, 1, 3)
    if form == "isotropic":
        return build_isotropic(E[0], rng.uniform(-0.4, 0.47))
    if form == "full":
        root = rng.standard_normal((6, 6))
        return (root @ root.T + 0.2 * np.eye(6)) * E[0]
    nu, G = rng.uniform(-0.45, 0.45, 3), 10 ** rng.uniform(-1, 1, 3)
    if form == "transversely isotropic":
        E[2], nu[1], G[1], G[2] = E[1], nu[0], G[0], E[1] / (2 * (1 + nu[2]))
    nu *= np.sqrt(E[[0, 0, 1]] / E[[1, 2, 2]])  # keeps it positive definite
    local = build_orthotropic((E[0], E[1], E[2]), (nu[0], nu[1], nu[2]), (G[0], G[1], G[2]))
    return rotate_stiffness(local, rotation(rng)) if form == "turned" else local


FORMS = ["isotropic", "transversely isotropic", "orthotropic", "turned", "full"]


@st.composite
def composites(
    draw: st.DrawFn,
    max_side: int = 6,
    phases: int = 3,
    void: bool = False,
    forms: tuple[str, ...] = (*FORMS,),
    edges: bool = True,
    b_bar: bool = False,
) -> Elements:
    """Random voxels of random materials; with `void` the last phase bears nothing.

    b_bar  some of the time the dilatation of an element is the mean one
    """
    index = draw(labels(1, max_side, phases)).astype(np.int32)
    chosen = draw(st.lists(st.sampled_from(forms), min_size=phases, max_size=phases))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    C = np.stack([stiffness(rng, form) for form in chosen])
    alpha = rng.standard_normal((phases, 6))
    if void:
        C[-1], alpha[-1] = 0, 0
    x, y, z = rng.uniform(0.6, 1.7, 3) if edges and draw(st.booleans()) else (1.0, 1.0, 1.0)
    varying = deviatoric(C) if b_bar and draw(st.booleans()) else None
    return Elements(index, C, alpha, (x, y, z), varying)


def solved(elements: Elements, tolerance: float = 1e-11, **given: Any) -> Effective:
    """The solver's answer, which must have converged."""
    result = homogenize(elements, tolerance, 500, **given)
    assert result.reached, result.residual
    return result


def torch_on_cpu(hierarchy: list[Grid], cases: int) -> TorchSystem:
    """The torch system where there is no GPU."""
    return TorchSystem.of(hierarchy, cases, "cpu")


def symmetric(C: Floats) -> Floats:
    return (C + C.T) / 2


def definite(C: Floats, scale: Floats, slack: float = 1e-8) -> bool:
    """Whether every strain stores at least nothing, to a share of what `scale` stores."""
    return bool(np.linalg.eigvalsh(symmetric(C))[0] >= -slack * np.linalg.norm(scale, 2))


def tensor(C: Floats) -> Floats:
    """C_ijkl of a Voigt matrix."""
    full = np.zeros((3, 3, 3, 3))
    for a, (i, j) in enumerate(PAIRS):
        for b, (k, m) in enumerate(PAIRS):
            full[i, j, k, m] = full[j, i, k, m] = full[i, j, m, k] = full[j, i, m, k] = C[a, b]
    return full


def deviatoric(C: Floats) -> Floats:
    """Stiffness of the deviator of a strain."""
    project = np.eye(6) - np.outer([1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]) / 3
    return np.einsum("ij,...jk,kl->...il", project, C, project)


def element_b_bar(C: Floats, edges: tuple[float, float, float]) -> Floats:
    """Matrix (24, 24) by 2 x 2 x 2 points of Gauss; the dilatation is that of the middle."""
    middle = strain_at(np.zeros(3), edges)
    total = np.zeros((24, 24))
    for point in np.ndindex(2, 2, 2):
        B = strain_at((2 * np.array(point) - 1) / np.sqrt(3), edges)
        B[:3] += (middle[:3].sum(0) - B[:3].sum(0)) / 3
        total += B.T @ C @ B
    return np.asarray(total * np.prod(edges) / 8)


def strain_at(point: Floats, edges: tuple[float, float, float]) -> Floats:
    """Strain (6, 24) of the degrees at a point (x, y, z) in [-1, 1] of a voxel."""
    B = np.zeros((6, 24))
    for c, (z, y, x) in enumerate(CORNERS):
        sign = 2 * np.array([x, y, z]) - 1
        lines = (1 + sign * point) / 2
        for j in range(3):
            slope = sign[j] / edges[j] * np.prod(np.delete(lines, j))
            for row, (p, q) in enumerate(PAIRS):
                B[row, 3 * c + p] += slope * (q == j)
                B[row, 3 * c + q] += slope * (p == j) * (p != q)
    return B


def elements_of(elements: Elements) -> Floats:
    """Matrix of the element of each row of the tables."""
    if elements.varying is None:
        return np.stack([element(C, elements.edges) for C in elements.stiffness])
    np.testing.assert_allclose(elements.varying, deviatoric(elements.stiffness), atol=1e-9)
    return np.stack([element_b_bar(C, elements.edges) for C in elements.stiffness])


def element(C: Floats, edges: tuple[float, float, float]) -> Floats:
    """Matrix (24, 24) of a voxel, degrees 3 c .. 3 c + 2 at corner c: exactly integrated."""
    mass, slope = np.array([[2, 1], [1, 2]]) / 6, np.array([[-1, -1], [1, 1]]) / 2
    line = {
        (0, 0): [mass * h for h in edges],
        (1, 0): [slope] * 3,
        (0, 1): [slope.T] * 3,
        (1, 1): [np.array([[1, -1], [-1, 1]]) / h for h in edges],
    }
    gradients = np.empty((3, 3, 8, 8))  # integral of d_j N_a d_l N_b
    for j in range(3):
        for m in range(3):
            x, y, z = (line[int(n == j), int(n == m)][n] for n in range(3))
            gradients[j, m] = np.kron(z, np.kron(y, x))
    result = np.einsum("ijkl,jlab->aibk", tensor(C), gradients)
    return np.asarray(result.reshape(24, 24))


def affine(strain: Floats, edges: tuple[float, float, float]) -> Floats:
    """Displacements (24,) of the corners of a voxel under a uniform strain (6,)."""
    matrix = np.zeros((3, 3))
    for value, (i, j) in zip(strain, PAIRS, strict=True):
        matrix[i, j] = matrix[j, i] = value if i == j else value / 2
    return np.asarray((CORNERS[:, ::-1] * edges @ matrix).ravel())


def assembled(elements: Elements) -> tuple[Floats, Floats, Floats]:
    """Matrix (n, n) of the nodes, their forces (n, 6) under the unit strains; degrees (N, 24).

    Degree 3 k + i is component i of node k, nodes in the order of the voxels.
    """
    shape = elements.index.shape
    number = np.arange(elements.index.size).reshape(shape)
    nodes = np.stack([np.roll(number, -o, (0, 1, 2)).ravel() for o in CORNERS], 1)
    degrees = (3 * nodes[:, :, None] + np.arange(3)).reshape(-1, 24)
    each = elements_of(elements)
    unit = np.stack([affine(strain, elements.edges) for strain in np.eye(6)], 1)
    K, f = np.zeros((3 * number.size,) * 2), np.zeros((3 * number.size, 6))
    for k, row in zip(elements.index.ravel(), degrees, strict=True):
        np.add.at(K, (row[:, None], row), each[k])
        np.add.at(f, row, -each[k] @ unit)
    return K, f, degrees


def direct(elements: Elements) -> tuple[Floats, Floats]:
    """Effective stiffness (6, 6) and thermal stress (6,) from the energy of direct solutions.

    The pseudo-inverse answers whatever the void leaves loose: its strain energy is zero.
    """
    K, f, degrees = assembled(elements)
    u = np.linalg.pinv(K, rcond=1e-11, hermitian=True) @ f
    unit = np.stack([affine(strain, elements.edges) for strain in np.eye(6)], 1)
    C, beta = np.zeros((6, 6)), np.zeros(6)
    free = np.zeros((len(elements.stiffness), 6))
    if elements.expansion is not None:
        free = elements.expansion
    each = elements_of(elements)
    hot = np.stack([k @ affine(a, elements.edges) for k, a in zip(each, free, strict=True)])
    for k, row in zip(elements.index.ravel(), degrees, strict=True):
        total = u[row] + unit
        C += total.T @ each[k] @ total
        beta += total.T @ hot[k]
    volume = elements.index.size * np.prod(elements.edges)
    return C / volume, beta / volume


def laminate(layers: NDArray[Any], C: Floats, alpha: Floats, normal: str) -> tuple[Floats, Floats]:
    """Exact stiffness and thermal stress of equal layers of any materials normal to an axis.

    In-plane strain is the mean one in every layer, the stress on the layers is the same in all.
    """
    out = OUT[normal]
    within = [k for k in range(6) if k not in out]
    shares = np.bincount(layers, minlength=len(C)) / len(layers)
    inverse = np.linalg.inv(C[:, out][:, :, out])
    coupling = inverse @ C[:, out][:, :, within]
    stress = np.zeros((3, 6))  # on the layers, of each unit strain
    stress[:, out] = np.linalg.inv(np.tensordot(shares, inverse, 1))
    stress[:, within] = stress[:, out] @ np.tensordot(shares, coupling, 1)
    strain = np.zeros((len(C), 6, 6))
    strain[:, within, within] = 1
    strain[:, out] = inverse @ stress
    strain[:, np.array(out)[:, None], within] -= coupling
    hot = np.einsum("mij,mj->mi", C, alpha)
    return np.einsum("m,mij,mjk->ik", shares, C, strain), np.einsum(
        "m,mik,mi->k", shares, strain, hot
    )
