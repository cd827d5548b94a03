"""Colours of phases, the same in every picture."""

import colorsys

COLOURS = (
    "#22334f",
    "#f2b84b",
    "#3fa796",
    "#d1495b",
    "#8e6bbf",
    "#9bc53d",
    "#5bc0eb",
    "#c9c9c9",
)


def pick_colours(phases: int) -> list[str]:
    """One colour a phase, "#rrggbb"."""
    more = (
        colorsys.hls_to_rgb(0.618 * k % 1, 0.35 + 0.3 * (k % 2), 0.55)
        for k in range(len(COLOURS), phases)
    )
    made = ("#" + "".join(f"{round(255 * part):02x}" for part in colour) for colour in more)
    return [*COLOURS[:phases], *made]
