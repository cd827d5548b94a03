"""Tetrahedra of one volume by several meshers, each in a process with a limit of processor time."""

import multiprocessing
import resource
import signal
from collections.abc import Callable
from queue import Empty
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core import Volume
from recon.plugins.exporters.tetrahedra.mesh import build_mesh
from recon.plugins.exporters.tetrahedra.quality import measure_elements
from recon.plugins.exporters.tetrahedra.sizing import Sizing

LONGEST = 8.0
"""Edge in voxels that meshers of others may make."""
Result = tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.uint8]]


def build(volume: Volume, sizing: Sizing | None = None) -> Any:
    return build_mesh(volume.labels, range(len(volume.phases)), (1.0,) * 3, (False,) * 3, sizing)


def mesh_by_lattice(volume: Volume) -> Result:
    mesh = build(volume)
    return mesh.nodes, mesh.tetrahedra, mesh.phases


def mesh_by_size(volume: Volume, surface: float = 1.0) -> Result:
    """4 voxels inside all phases."""
    mesh = build(volume, Sizing(dict.fromkeys(range(len(volume.phases)), 4.0), surface))
    return mesh.nodes, mesh.tetrahedra, mesh.phases


def mesh_by_size_coarser(volume: Volume) -> Result:
    """2 voxels on interfaces, too."""
    return mesh_by_size(volume, 2.0)


def list_surfaces(volume: Volume) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Smoothed interfaces and outer faces, as the lattice has them."""
    mesh = build(volume)
    triangles = np.concatenate([*mesh.interfaces.values(), *mesh.faces.values()])
    used, places = np.unique(triangles, return_inverse=True)
    return mesh.nodes[used], places.reshape(-1, 3).astype(np.int32)


def mesh_by_tetgen(volume: Volume) -> Result:
    import tetgen

    nodes, triangles = list_surfaces(volume)
    mesher = tetgen.TetGen(nodes, triangles)
    mesher.tetrahedralize(plc=True, quality=True, minratio=2.0, nobisect=True)
    return find_phases(volume, np.asarray(mesher.node), np.asarray(mesher.elem, np.int32))


def mesh_by_tetwild(volume: Volume) -> Result:
    import pytetwild

    nodes, triangles = list_surfaces(volume)
    diagonal = float(np.linalg.norm(volume.shape))
    made = pytetwild.tetrahedralize(
        *(nodes, triangles),
        edge_length_fac=LONGEST / diagonal,
        epsilon=0.3 / diagonal,
        num_threads=1,
        quiet=True,
        disable_filtering=True,  # which takes whole phases for outside
    )
    return find_phases(volume, np.asarray(made[0]), np.asarray(made[1], np.int32))


def find_phases(volume: Volume, nodes: NDArray[np.float64], elements: NDArray[np.int32]) -> Result:
    """The phase of an element is that of the voxel at its centre; none outside, all positive."""
    centres = nodes[elements].mean(1)[:, ::-1]
    elements = elements[((centres > 0) & (centres < volume.shape)).all(1)]
    signed = measure_elements(nodes, elements)[0] < 0
    elements[signed] = elements[signed][:, [0, 2, 1, 3]]
    top = np.array(volume.shape) - 1
    place = np.clip(nodes[elements].mean(1)[:, ::-1].astype(int), 0, top)
    return nodes, elements, volume.labels[tuple(place.T)]


MESHERS: dict[str, tuple[str, Callable[[Volume], Result]]] = {
    "lattice": ("recon, MIT", mesh_by_lattice),
    "sizes 4": ("recon, MIT", mesh_by_size),
    "sizes 4, interfaces 2": ("recon, MIT", mesh_by_size_coarser),
    "TetGen": ("AGPL", mesh_by_tetgen),
    "fTetWild": ("MPL 2.0", mesh_by_tetwild),
}


def work(name: str, volume: Volume, limit: int, results: Any) -> None:
    """In a process of its own: the row of a mesher."""
    MESHERS["lattice"][1](Volume(volume.labels[:4, :4, :4], volume.voxel_size, volume.phases))
    if name.startswith("sizes"):
        mesh_by_size_coarser(Volume(volume.labels[:4, :4, :4], volume.voxel_size, volume.phases))
    begun = resource.getrusage(resource.RUSAGE_SELF)
    spent = begun.ru_utime + begun.ru_stime
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + limit, int(spent) + limit))
    nodes, elements, phases = MESHERS[name][1](volume)
    end = resource.getrusage(resource.RUSAGE_SELF)
    volumes, qualities = measure_elements(nodes, elements)
    shares = np.bincount(phases, volumes, len(volume.phases)) / volume.labels.size
    low, tenth, middle = np.percentile(qualities, (1, 10, 50))
    results.put(
        f"{end.ru_utime + end.ru_stime - spent:.1f} s | {len(nodes)} | {len(elements)} | "
        f"{qualities.min():.3f}, {low:.2f}, {tenth:.2f}, {middle:.2f} | "
        f"{np.abs(shares - volume.fractions()).max():.4f} | "
        f"{volumes.sum() / volume.labels.size:.6f}"
    )


def compare(volume: Volume, name: str, limit: int) -> str:
    """The row of one mesher."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=work, args=(name, volume, limit, results))
    process.start()
    row = None
    while row is None and (process.is_alive() or not results.empty()):
        try:
            row = results.get(timeout=1)
        except Empty:
            continue
    process.join()
    if row is None:
        ended = process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
        row = f"not done in {limit} s of processor time" if ended else "failed"
    return f"{name} | {MESHERS[name][0]} | {row}"
