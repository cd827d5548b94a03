"""Quality of tetrahedra: the scaled Jacobian of Verdict, 1 of a regular one, <= 0 of an inverted.

Knupp et al., The Verdict library reference manual (Sandia, 2006): sqrt(2) times the Jacobian by
the largest product of the three edges at a node.
"""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel


@kernel()
def _fill(
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    jacobians: NDArray[np.float64],
    qualities: NDArray[np.float64],
) -> None:
    edge = np.empty((6, 3))
    length = np.empty(6)
    for n in range(elements.shape[0]):
        a, b, c, d = elements[n, 0], elements[n, 1], elements[n, 2], elements[n, 3]
        for k in range(3):
            edge[0, k] = nodes[b, k] - nodes[a, k]
            edge[1, k] = nodes[c, k] - nodes[a, k]
            edge[2, k] = nodes[d, k] - nodes[a, k]
            edge[3, k] = nodes[c, k] - nodes[b, k]
            edge[4, k] = nodes[d, k] - nodes[b, k]
            edge[5, k] = nodes[d, k] - nodes[c, k]
        for e in range(6):
            length[e] = np.sqrt(edge[e, 0] ** 2 + edge[e, 1] ** 2 + edge[e, 2] ** 2)
        jacobian = (
            edge[0, 0] * (edge[1, 1] * edge[2, 2] - edge[1, 2] * edge[2, 1])
            + edge[0, 1] * (edge[1, 2] * edge[2, 0] - edge[1, 0] * edge[2, 2])
            + edge[0, 2] * (edge[1, 0] * edge[2, 1] - edge[1, 1] * edge[2, 0])
        )
        largest = max(
            length[0] * length[1] * length[2],
            length[0] * length[3] * length[4],
            length[1] * length[3] * length[5],
            length[2] * length[4] * length[5],
        )
        jacobians[n] = jacobian
        qualities[n] = np.sqrt(2.0) * jacobian / largest if largest > 0 else 0.0


def measure_elements(
    nodes: NDArray[np.float64], elements: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Volumes and scaled Jacobians of tetrahedra (n, 4) of nodes (m, 3) at (x, y, z)."""
    jacobians, qualities = np.empty(len(elements)), np.empty(len(elements))
    _fill(np.ascontiguousarray(nodes), elements, jacobians, qualities)
    return jacobians / 6, qualities
