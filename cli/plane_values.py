"""Flags that hold for all planes or for one: `0.2um`, `xz=0.4um`."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from recon.core.data.planes import PLANES
from recon.core.errors import ReconError, unknown

Value = TypeVar("Value")


def parse_plane_values(
    flag: str, texts: Sequence[str], planes: Collection[str], parse: Callable[[str], Value]
) -> dict[str, Value]:
    """The value of each plane that has one; a value without a plane is for all the others.

    Raises ReconError for another plane, one that has no image, and one given twice.
    """
    common: list[Value] = []
    single: dict[str, Value] = {}
    for text in texts:
        plane, separator, value = text.partition("=")
        if not separator:
            common.append(parse(text))
            continue
        plane = plane.strip()
        if plane not in PLANES:
            raise unknown(f"plane in {flag}", plane, PLANES)
        if plane not in planes:
            raise ReconError(f"{flag} {text}: no image of plane {plane} was given")
        if plane in single:
            raise ReconError(f"{flag} gives plane {plane} twice; give it once")
        single[plane] = parse(value)
    if len(common) > 1:
        raise ReconError(
            f"{flag} gives a value for all planes {len(common)} times; name the planes, such as "
            f"{flag} xy={texts[0].strip()}"
        )
    return {plane: single.get(plane, *common) for plane in planes if common or plane in single}
