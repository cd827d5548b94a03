"""memorisation(): is a volume copied from the micrographs that its network was trained on?

Windows of its slices are looked for in the training micrographs, at every position and mirrored,
and so are windows of real slices in the micrographs that are left when they and what resembles
them are taken away. A generator that has learnt the material is as far from its training data as
another real piece is. One that copies has windows that are nearer to one training slice than
real ones are, and much nearer to it than to all other slices.
"""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binom

from recon.core.errors import ReconError
from recon.core.micrographs import Micrographs
from recon.core.nearest import Image, Library
from recon.core.planes import NORMAL, in_plane
from recon.core.serial import RELATED, likeness
from recon.core.volume import Volume

WINDOWS = 32
"""Windows of each size and plane, of the volumes and of real slices; twice as many whole slices of
the volumes, since a few copied ones among them are to be found."""
FEWEST = 12
PIXELS = 1 << 20
"""Training pixels of a plane above which fewer windows are taken, down to FEWEST."""
QUANTILE = 0.05
MUCH_NEARER = 0.75
"""A copy's ratio is so far below the 5 % quantile of those of real windows."""
LEVEL = 0.01
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@attrs.frozen(eq=False)
class Nearest:
    """How far windows are from their nearest training window.

    distance  (n,) share of pixels of another phase at the nearest position of the slices that are
              not left out
    closest   (n,) the same of all slices; for real training windows those not left out
    ratio     (n,) of `closest` to the distance from slices unrelated to that closest one; NaN
              where there are none, or where they equal the window as well (all of one phase)
    """

    distance: NDArray[np.float64]
    closest: NDArray[np.float64]
    ratio: NDArray[np.float64]


@attrs.frozen(eq=False)
class WindowSize:
    """Windows of one size on one plane.

    side       (rows, columns) in pixels
    generated  windows of the volumes;  real  of real slices, the training slices left out of
               which they were cut, and those that resemble them
    """

    plane: str
    side: tuple[int, int]
    generated: Nearest
    real: Nearest

    @property
    def near(self) -> NDArray[np.bool_]:
        """Generated windows nearer than the 5 % quantile of real ones; 5 % are expected."""
        return np.asarray(self.generated.distance < self._low)

    @property
    def copied(self) -> NDArray[np.bool_]:
        """Generated windows as near as that to one slice, and much nearer than to all unrelated."""
        return np.asarray(
            (self.generated.closest < self._low) & (self.generated.ratio < self._much_nearer)
        )

    @property
    def copied_real(self) -> NDArray[np.bool_]:
        """Real windows of which the same could be said."""
        return np.asarray((self.real.distance <= self._low) & (self.real.ratio < self._much_nearer))

    @property
    def _low(self) -> float:
        # This method's quantile is passed by 5 % of equal windows on average, of few real ones too.
        return float(np.quantile(self.real.distance, QUANTILE, method="weibull"))

    @property
    def _much_nearer(self) -> float:
        known = self.real.ratio[np.isfinite(self.real.ratio)]
        return MUCH_NEARER * float(np.quantile(known, QUANTILE)) if known.size else 0.5

    @property
    def seen(self) -> bool:
        """Whether more are copied than chance (1 %) and the real windows allow."""
        count, copied = len(self.copied), int(self.copied.sum())
        expected = max((self.copied_real.sum() + 0.5) / (len(self.copied_real) + 1), 0.01)
        return bool(copied >= 2 and binom.sf(copied - 1, count, expected) < LEVEL)


@attrs.frozen(eq=False)
class Memorisation:
    """Distances of every plane and window size, and what they say.

    sizes    those that could be judged: smaller and larger windows of each plane
    missing  planes without real slices to compare with: too few micrographs
    """

    sizes: tuple[WindowSize, ...]
    missing: tuple[str, ...]

    @property
    def seen(self) -> bool:
        """Whether copying is seen on any plane."""
        return any(size.seen for size in self.sizes)

    @property
    def share(self) -> float:
        """Share of generated windows nearer than the 5 % quantile of real ones; NaN if unknown."""
        near = [size.near for size in self.sizes]
        return float(np.concatenate(near).mean()) if near else float("nan")

    def to_text(self) -> str:
        """The verdict, and on what it stands."""
        if not self.sizes:
            return "memorisation: not judged, there are too few micrographs to hold some out"
        judged = [size for size in self.sizes if size.seen] or list(self.sizes)
        copied = sum(int(size.copied.sum()) for size in judged)
        count = sum(len(size.copied) for size in judged)
        distance = [np.concatenate([getattr(s, k).distance for s in judged]) for k in KINDS]
        planes = ", ".join(dict.fromkeys(size.plane for size in judged))
        verdict = f"copying is seen on {planes}" if self.seen else "no sign of copying"
        lines = [
            f"memorisation: {verdict}: {copied} of {count} windows are near-copies of a training "
            f"slice; {100 * self.share:.0f} % of all are nearer to one than 95 % of real "
            "held-out windows are (5 % expected)",
            f"  pixels that differ from the nearest training window, median: generated "
            f"{100 * np.median(distance[0]):.0f} %, real {100 * np.median(distance[1]):.0f} %",
        ]
        if self.missing:
            lines.append(f"  not judged, too few micrographs: {', '.join(self.missing)}")
        return "\n".join(lines)

    def to_dataset(self) -> xr.Dataset:
        """Quantiles of the distances (plane, size, source, quantile) and shares (plane, size).

        size is "window" or "slice"; NaN where a plane was not judged.
        """
        planes = list(dict.fromkeys(s.plane for s in self.sizes))
        names = ("window", "slice")
        shape = (len(planes), len(names))
        quantiles = np.full((*shape, 2, len(QUANTILES)), np.nan)
        shares = np.full((3, *shape), np.nan)
        sides = np.zeros((*shape, 2), int)
        for i, plane in enumerate(planes):
            for j, size in enumerate(s for s in self.sizes if s.plane == plane):
                for k, kind in enumerate(KINDS):
                    quantiles[i, j, k] = np.quantile(getattr(size, kind).distance, QUANTILES)
                shares[:, i, j] = [size.near.mean(), size.copied.mean(), size.copied_real.mean()]
                sides[i, j] = size.side
        where = ("plane", "size")
        return xr.Dataset(
            {
                "distance": ((*where, "source", "quantile"), quantiles),
                "near": (where, shares[0]),
                "copied": (where, shares[1]),
                "copied_real": (where, shares[2]),
                "side": ((*where, "axis"), sides),
            },
            {
                "plane": planes,
                "size": list(names),
                "source": list(KINDS),
                "quantile": list(QUANTILES),
                "axis": ["rows", "columns"],
            },
            {"seen": int(self.seen), "share": self.share, "text": self.to_text()},
        )


KINDS = ("generated", "real")


def memorisation(
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
        generated = [image for volume in samples for image in _slices(volume, plane)]
        sizes += _judged(plane, generated, training, _real(held_out, plane), rng)
    judged = {size.plane for size in sizes}
    return Memorisation(tuple(sizes), tuple(p for p in training.planes if p not in judged))


def _slices(volume: Volume, plane: str) -> list[Image]:
    return list(np.moveaxis(volume.labels, NORMAL[plane], 0))


def _real(held_out: Micrographs | Volume | None, plane: str) -> Sequence[Image]:
    if isinstance(held_out, Volume):
        return _slices(held_out, plane)
    stacks: Mapping[str, Sequence[Image]] = held_out.planes if held_out is not None else {}
    return stacks.get(plane, ())


def _judged(
    plane: str,
    generated: Sequence[Image],
    training: Micrographs,
    held_out: Sequence[Image],
    rng: np.random.Generator,
) -> list[WindowSize]:
    """Both sizes of one plane; none where there are no real slices to compare with."""
    slices, related = _library(training.planes[plane], len(training.phases))
    library = Library(slices, len(training.phases))
    real = held_out or slices
    if not held_out and related.all():
        return []
    pixels = sum(image.size for image in slices)
    count = int(np.clip(WINDOWS * PIXELS / pixels, FEWEST, WINDOWS))
    fits = np.min([image.shape for image in (*generated, *real, *slices)], axis=0)
    period = _period(training, plane)
    whole = (int(fits[0]), int(fits[1]))
    part = (min(period, whole[0]), min(period, whole[1]))
    found = []
    for side in dict.fromkeys((part, whole)):
        more = 2 if side == whole else 1
        wanted = _windows(generated, side, min(more * count, len(generated)), rng)
        cut = _windows(real, side, count, rng)
        # Generated windows meet as many slices as real ones do: else they would be nearer.
        left_out = [rng.integers(len(slices), size=len(wanted)), np.array([n for n, _ in cut])]
        fair, own = left_out if not held_out else (None, None)
        found.append(
            WindowSize(
                plane,
                side,
                _nearest(library, wanted, related, fair, None),
                _nearest(library, cut, related, own, own),
            )
        )
    return found


def _nearest(
    library: Library,
    windows: Sequence[tuple[int, Image]],
    related: NDArray[np.bool_],
    left_out: NDArray[np.int64] | None,
    always: NDArray[np.int64] | None,
) -> Nearest:
    """Look windows up; what is related to the slice left out does not count for the distance.

    always  slice whose relatives count for nothing at all
    """
    distances = np.array([library.distances(window) for _, window in windows])
    fair = distances if left_out is None else np.where(related[left_out], np.inf, distances)
    if always is not None:
        distances = np.where(related[always], np.inf, distances)
    closest = distances.min(1)
    others = np.where(related[distances.argmin(1)], np.inf, distances).min(1)
    known = np.isfinite(others) & (others > 0)
    ratio = np.full(len(closest), np.nan)
    ratio[known] = closest[known] / others[known]
    return Nearest(fair.min(1), closest, ratio)


def _library(stack: Sequence[Image], phases: int) -> tuple[Sequence[Image], NDArray[np.bool_]]:
    """Slices to search, and which resemble each other or overlap, so are left out together.

    Neighbours of a stack resemble each other as far as their correlation reaches. Where that
    leaves none, slices are cut in halves, and a half is unrelated to all other halves.
    """
    reach = sum(value >= RELATED for value in likeness(stack, phases))
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


def _period(training: Micrographs, plane: str) -> int:
    """Pixels, a multiple of 8 from 16 to 64: mean chords of two phases along the longer axis."""
    stack = training.planes[plane]
    chords = []
    for axis in range(len(in_plane(plane))):
        changes = sum(np.count_nonzero(np.diff(image.astype(int), axis=axis)) for image in stack)
        lengths = sum(image.size for image in stack)
        chords.append(2 * lengths / max(changes, 1))
    return int(np.clip(-(-max(chords) // 8) * 8, 16, 64))


def _windows(
    slices: Sequence[Image], side: tuple[int, int], count: int, rng: np.random.Generator
) -> list[tuple[int, Image]]:
    """Windows at random places of slices spread over the stack, with the number of the slice."""
    spread = (np.arange(count) + rng.random(count)) * len(slices) / count
    found = []
    for number in spread.astype(int):
        image = slices[number]
        top, left = (
            rng.integers(have - want + 1) for have, want in zip(image.shape, side, strict=True)
        )
        found.append((int(number), image[top : top + side[0], left : left + side[1]]))
    return found
