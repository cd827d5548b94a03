"""Near-copies: how far windows of volumes and of real slices are from the training slices."""

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import bdtrc

KINDS = ("generated", "real")
QUANTILE = 0.05
MUCH_NEARER = 0.75
"""A copy's ratio is so far below the 5 % quantile of those of real windows."""
LEAST = 0.003
"""Share of near-copies that is put down to chance, where real windows show none."""
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
        return bool(self.copied)

    @property
    def copied(self) -> tuple[WindowSize, ...]:
        """Sizes with more near-copies than chance and the real windows of all sizes explain."""
        real = [size.copied_real for size in self.sizes]
        copies, count = (sum(f(each) for each in real) for f in (np.sum, len))
        expected = max((copies + 0.5) / (count + 1), LEAST)
        return tuple(
            size
            for size in self.sizes
            if bdtrc(size.copied.sum() - 1, len(size.copied), expected) < LEVEL
        )

    @property
    def share(self) -> float:
        """Share of generated windows nearer than the 5 % quantile of real ones; NaN if unknown."""
        near = [size.near for size in self.sizes]
        return float(np.concatenate(near).mean()) if near else float("nan")

    def to_text(self) -> str:
        """The verdict, and on what it stands."""
        if not self.sizes:
            return "memorisation: not judged, there are too few micrographs to hold some out"
        judged = self.copied or self.sizes
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
