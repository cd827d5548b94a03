"""Classifier two-sample test: can a small network tell generated slices from real ones?

Lopez-Paz & Oquab, ICLR 2017. The area under the ROC curve on slices that it was not trained on:
0.5 means that it cannot. Both sides are split by volume or by place, never by slice, because
neighbouring slices look alike.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from recon.core import Volume
from recon.core.data.planes import NORMAL, PLANES

SIDE, BATCH, STEPS, SCORED = 64, 64, 300, 512

Labels = NDArray[np.uint8]


class Net(nn.Sequential):
    """Five convolutions and the mean over the slice; some 86,000 parameters."""

    def __init__(self, phases: int) -> None:
        layers: list[nn.Module] = []
        widths = (phases, 24, 32, 48, 64, 64)
        for level, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
            stride = 2 if level in (1, 2, 3) else 1
            layers += [nn.Conv2d(before, after, 3, stride), nn.BatchNorm2d(after), nn.ReLU()]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 1))


def areas(
    fake: tuple[Sequence[Labels], Sequence[Labels]],
    real: tuple[Sequence[Labels], Sequence[Labels]],
    phases: int,
    seed: int = 0,
    planes: Sequence[str] = PLANES,
) -> dict[str, float]:
    """Area under the ROC curve of each plane.

    fake, real  label volumes to train on, and to score on
    """
    return {plane: _area(fake, real, plane, phases, seed) for plane in planes}


def parts(test: Volume) -> list[Labels]:
    """Four parts of a volume along its longest axis."""
    return np.array_split(test.labels, 4, int(np.argmax(test.shape)))


def real_sides(test: Volume) -> tuple[list[Labels], list[Labels]]:
    """Parts of the real volume to train on and to score on, in turn: a trend is on both sides."""
    a, b, c, d = parts(test)
    return [a, c], [b, d]


def real_against_real(test: Volume) -> tuple[tuple[list[Labels], list[Labels]], ...]:
    """Two parts that play the generated volumes, to train and to score on, and two real ones."""
    a, b, c, d = parts(test)
    return ([a], [c]), ([b], [d])


def _area(fake, real, plane: str, phases: int, seed: int) -> float:  # type: ignore[no-untyped-def]
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    every = [volume for part in (*fake, *real) for volume in part]
    side = min(SIDE, *(n for v in every for a, n in enumerate(v.shape) if a != NORMAL[plane]))
    net = Net(phases)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS)
    for _ in range(STEPS):
        batch = [_windows(part[0], plane, side, BATCH // 2, rng, phases) for part in (fake, real)]
        target = torch.cat([torch.zeros(BATCH // 2), torch.ones(BATCH // 2)])
        loss = F.binary_cross_entropy_with_logits(net(torch.cat(batch))[:, 0], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        low, high = (
            net(_windows(part[1], plane, side, SCORED, rng, phases))[:, 0] for part in (fake, real)
        )
    return float((high[:, None] > low).float().mean() + 0.5 * (high[:, None] == low).float().mean())


def _windows(
    volumes: Sequence[Labels],
    plane: str,
    side: int,
    count: int,
    rng: np.random.Generator,
    phases: int,
) -> Tensor:
    """Random windows, one-hot (n, K, side, side), mirrored at random along both axes."""
    rows = []
    for _ in range(count):
        labels = np.moveaxis(volumes[rng.integers(len(volumes))], NORMAL[plane], 0)
        n, a, b = (rng.integers(room) for room in np.add(labels.shape, (0, 1 - side, 1 - side)))
        window = labels[n, a : a + side, b : b + side]
        turns = rng.integers(2, size=2) * 2 - 1
        rows.append(torch.as_tensor(window[:: turns[0], :: turns[1]].copy()))
    return F.one_hot(torch.stack(rows).long(), phases).movedim(-1, 1).float()
