"""Size of the conditional U-Net, and the sizes that are shipped."""

import attrs


def _bools(values: object) -> tuple[bool, ...]:
    return tuple(bool(value) for value in values)  # type: ignore[attr-defined]


def _ints(values: object) -> tuple[int, ...]:
    return tuple(int(value) for value in values)  # type: ignore[attr-defined]


@attrs.frozen(kw_only=True)
class Architecture:
    """Size of a U-Net, stored beside its weights.

    width            channels of the first level
    multiples        channels of each level in units of width; one level halves the slice
    blocks           residual blocks a level, beside the one that attends to the condition
    attention        for each level: self-attention, and cross-attention to the condition
    heads            attention heads
    head_width       channels of a head
    condition_width  channels of a condition token (noise level, plane)
    groups           groups of the group normalization; divides width
    patch            the first convolution sees patch x patch pixels as one (space to depth)
    """

    width: int
    multiples: tuple[int, ...] = attrs.field(converter=_ints)
    blocks: int
    attention: tuple[bool, ...] = attrs.field(converter=_bools)
    heads: int = 8
    head_width: int = 64
    condition_width: int = 512
    groups: int = 8
    patch: int = 1

    @property
    def stride(self) -> int:
        """Sides of a slice are padded inside the network to a multiple of this many pixels."""
        return int(self.patch * 2 ** (len(self.multiples) - 1))


# Million parameters and GFLOP (two a multiply-add) for a slice of 64 x 64: tiny 0.75 and 0.16,
# small 3.0 and 0.63, paper 252 and 92.4. The paper's is that of Lee & Yun 2023, Table 1.
PRESETS = {
    "tiny": Architecture(
        width=16,
        multiples=(1, 2, 4),
        blocks=1,
        attention=(False, False, True),
        heads=4,
        head_width=16,
        condition_width=64,
        patch=2,
    ),
    "small": Architecture(
        width=32,
        multiples=(1, 2, 4),
        blocks=1,
        attention=(False, False, True),
        heads=4,
        head_width=32,
        condition_width=128,
        patch=2,
    ),
    "paper": Architecture(
        width=128,
        multiples=(1, 2, 4, 8),
        blocks=3,
        attention=(False, True, True, True),
    ),
}
