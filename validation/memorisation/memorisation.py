"""detect_memorisation(): is a volume copied from the micrographs that its network was trained on?

Windows of its slices are looked for in the training micrographs, at every position and mirrored,
and so are windows of real slices in the micrographs that are left when they and what resembles
them are taken away. A generator that has learnt the material is as far from its training data as
another real slice is. One that copies has windows that are nearer to one training slice than
real ones are, and much nearer to it than to all other slices.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, in_plane
from recon.core.data.serial import RELATED, correlate_slices
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.validation.memorisation.near_copies import Memorisation, Nearest, WindowSize
from recon.validation.memorisation.nearest import Image, Library

WINDOWS = 32
"""Windows of each size and plane, of the volumes and of real slices; twice as many whole slices of
the volumes, since a few copied ones among them are to be found."""
FEWEST = 12
PIXELS = 1 << 20
"""Training pixels of a plane above which fewer windows are taken, down to FEWEST."""


def detect_memorisation(
    volumes: Volume | Sequence[Volume],
    training: Micrographs,
    held_out: Micrographs | Volume | None = None,
    seed: int = 0,
) -> Memorisation:
    """Compare windows of volumes, and of real slices, with the training micrographs.

    training  what the network was trained on
    held_out  real slices that it was not; without it each training slice serves as one, against
              the others without those that resemble it (a short stack: against the other half)
    seed      chooses the windows

    Windows of two sizes: about one period of the structure (a mean chord of each phase), where
    parts of a slice are copied, and a whole slice, where coincidence is least. At most 32 of each
    size and plane (12 where the micrographs are large). 64^3 voxels against the micrographs of an
    embedded example take 6 to 10 s of one core. Raises ReconError for another number of phases.
    """
    samples = [volumes] if isinstance(volumes, Volume) else list(volumes)
    for other in (*samples, *([held_out] if held_out is not None else [])):
        if len(other.phases) != len(training.phases):
            raise ReconError(
                "volume and training micrographs must have the same phases, got "
                f"{len(other.phases)} and {len(training.phases)}"
            )
    sizes: list[WindowSize] = []
    for number, plane in enumerate(training.planes):
        rng = np.random.default_rng([seed, number])
        generated = [image for volume in samples for image in _list_slices(volume, plane)]
        sizes += _judge_plane(plane, generated, training, _choose_real(held_out, plane), rng)
    judged = {size.plane for size in sizes}
    return Memorisation(tuple(sizes), tuple(p for p in training.planes if p not in judged))


def _list_slices(volume: Volume, plane: str) -> list[Image]:
    return list(np.moveaxis(volume.labels, NORMAL[plane], 0))


def _choose_real(held_out: Micrographs | Volume | None, plane: str) -> Sequence[Image]:
    if isinstance(held_out, Volume):
        return _list_slices(held_out, plane)
    stacks: Mapping[str, Sequence[Image]] = held_out.planes if held_out is not None else {}
    return stacks.get(plane, ())


def _judge_plane(
    plane: str,
    generated: Sequence[Image],
    training: Micrographs,
    held_out: Sequence[Image],
    rng: np.random.Generator,
) -> list[WindowSize]:
    """Both sizes of one plane; none where there are no real slices to compare with."""
    slices, related = _build_library(training.planes[plane], len(training.phases))
    library = Library(slices, len(training.phases))
    real = held_out or slices
    if not held_out and related.all():
        return []
    pixels = sum(image.size for image in slices)
    count = int(np.clip(WINDOWS * PIXELS / pixels, FEWEST, WINDOWS))
    fits = np.min([image.shape for image in (*generated, *real, *slices)], axis=0)
    period = _find_period(training, plane)
    whole = (int(fits[0]), int(fits[1]))
    part = (min(period, whole[0]), min(period, whole[1]))
    judged = []
    for side in dict.fromkeys((part, whole)):
        more = 2 if side == whole else 1
        wanted = _cut_windows(generated, side, min(more * count, len(generated)), rng)
        cut = _cut_windows(real, side, count, rng)
        # Generated windows meet as many slices as real ones do: else they would be nearer.
        left_out = [rng.integers(len(slices), size=len(wanted)), np.array([n for n, _ in cut])]
        fair, own = left_out if not held_out else (None, None)
        judged.append(
            WindowSize(
                plane,
                side,
                _look_up(library, wanted, related, fair, None),
                _look_up(library, cut, related, own, own),
            )
        )
    return judged


def _look_up(
    library: Library,
    windows: Sequence[tuple[int, Image]],
    related: NDArray[np.bool_],
    left_out: NDArray[np.int64] | None,
    always: NDArray[np.int64] | None,
) -> Nearest:
    """Look windows up; what is related to the slice left out does not count for the distance.

    always  slice whose relatives count for nothing at all
    """
    distances = np.array([library.find_distances(window) for _, window in windows])
    fair = distances if left_out is None else np.where(related[left_out], np.inf, distances)
    if always is not None:
        distances = np.where(related[always], np.inf, distances)
    closest = distances.min(1)
    others = np.where(related[distances.argmin(1)], np.inf, distances).min(1)
    known = np.isfinite(others) & (others > 0)
    ratio = np.full(len(closest), np.nan)
    ratio[known] = closest[known] / others[known]
    return Nearest(fair.min(1), closest, ratio)


def _build_library(
    stack: Sequence[Image], phases: int
) -> tuple[Sequence[Image], NDArray[np.bool_]]:
    """Slices to search, and which resemble each other or overlap, so are left out together.

    Neighbours of a stack resemble each other as far as their correlation reaches. Where that
    leaves none, slices are cut in halves, and a half is unrelated to all other halves.
    """
    reach = sum(value >= RELATED for value in correlate_slices(stack, phases))
    place = np.arange(len(stack))
    related = np.abs(place[:, None] - place) <= reach
    if not related.all(1).any():
        return stack, related
    halves: list[Image] = []
    for image in stack:
        axis = int(np.argmax(image.shape))
        halves += np.array_split(image, 2, axis)
    side = np.arange(len(halves)) % 2
    return halves, side[:, None] == side


def _find_period(training: Micrographs, plane: str) -> int:
    """Pixels, a multiple of 8 from 16 to 64: mean chords of two phases along the longer axis."""
    stack = training.planes[plane]
    chords = []
    for axis in range(len(in_plane(plane))):
        changes = sum(np.count_nonzero(np.diff(image.astype(int), axis=axis)) for image in stack)
        lengths = sum(image.size for image in stack)
        chords.append(2 * lengths / max(changes, 1))
    return int(np.clip(-(-max(chords) // 8) * 8, 16, 64))


def _cut_windows(
    slices: Sequence[Image], side: tuple[int, int], count: int, rng: np.random.Generator
) -> list[tuple[int, Image]]:
    """Windows at random places of slices spread over the stack, with the number of the slice."""
    spread = (np.arange(count) + rng.random(count)) * len(slices) / count
    windows = []
    for number in spread.astype(int):
        image = slices[number]
        top, left = (
            rng.integers(have - want + 1) for have, want in zip(image.shape, side, strict=True)
        )
        windows.append((int(number), image[top : top + side[0], left : left + side[1]]))
    return windows
