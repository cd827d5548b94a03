"""An image in OME-Zarr or plain zarr: which array, where its axes are, how long its voxels.

NGFF 0.1 to 0.5: axes in any order, single times and channels, every unit of length, scales of the
dataset and of the multiscales. Translations move the origin, of which recon knows nothing.
https://ngff.openmicroscopy.org/0.5/#multiscale-md
"""

import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import zarr
from numpy.typing import NDArray

from recon.core.errors import ReconError, shown
from recon.core.storage.zarr_store import damage_error, read_attributes
from recon.plugins.readers.zarr_array import Source

Lengths = tuple[float, ...]
FIRST_AXES = "tczyx"
"""Of NGFF 0.1 and 0.2, which do not name them."""
NAMES = ("z", "y", "x")
POWERS = {
    **{"yotta": 24, "zetta": 21, "exa": 18, "peta": 15, "tera": 12, "giga": 9, "mega": 6},
    **{"kilo": 3, "hecto": 2, "": 0, "deci": -1, "centi": -2, "milli": -3, "micro": -6},
    **{"nano": -9, "pico": -12, "femto": -15, "atto": -18, "zepto": -21, "yocto": -24},
}
UNITS = {f"{prefix}meter": Decimal(1).scaleb(power) for prefix, power in POWERS.items()} | {
    "angstrom": Decimal("1e-10"),
    "inch": Decimal("0.0254"),
    "foot": Decimal("0.3048"),
    "yard": Decimal("0.9144"),
    "mile": Decimal("1609.344"),
    "parsec": Decimal("3.0856775814913673e16"),
    # No units of NGFF, but written.
    **{"m": Decimal(1), "cm": Decimal("1e-2"), "mm": Decimal("1e-3"), "nm": Decimal("1e-9")},
    **{"um": Decimal("1e-6"), "micron": Decimal("1e-6"), "pm": Decimal("1e-12")},
}
"""Metres in each unit of length (UDUNITS-2) that NGFF 0.4 and 0.5 list."""
BAD_METADATA = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What attributes of wrong types lead to where they are taken apart."""
MICRO = str.maketrans("\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}", "uu")


@attrs.frozen(eq=False)
class Arranged:
    """A Source seen with its axes in the order z, y, x and without single times and channels.

    places  of the axes that are kept among those of the source, in their new order
    """

    source: Source
    places: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return tuple(self.source.shape[place] for place in self.places)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Voxels along each axis of what is read at once at least."""
        return tuple(self.source.chunks[place] for place in self.places)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as stored."""
        return self.source.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.places)

    def __getitem__(self, where: Any) -> NDArray[Any]:
        if where is ...:
            left_out = [n for n in range(self.source.ndim) if n not in self.places]
            values = self.source[...].squeeze(tuple(left_out))
        else:
            stored: list[slice | int] = [0] * self.source.ndim
            for place, part in zip(self.places, where, strict=True):
                stored[place] = part
            values = self.source[tuple(stored)]
        return values.transpose(np.argsort(np.argsort(self.places)))


@attrs.frozen(eq=False)
class StoredImage:
    """The finest level of an image: its values, and the lengths of its voxels in metres or None."""

    array: Source | Arranged
    lengths: Lengths | None


def find_image(node: Any, path: Path, what: str) -> StoredImage:
    """The image of an open zarr array or group; ReconError where there is none.

    Warns of lengths that are unknown.
    """
    if isinstance(node, zarr.Array):
        return StoredImage(_arrange(Source(path, node, what), _list_dimensions(node)), None)
    attributes = read_attributes(node, path, what)
    try:
        scales = attributes.get("ome", attributes).get("multiscales")
        scale = scales[0] if scales else {}
        member = str(scale["datasets"][0]["path"] if scale else "0")
    except BAD_METADATA as error:
        raise damage_error(what, path, f"its multiscales metadata, {error!r}") from error
    array = _open_member(node, member, path, what)
    source = Source(path, array, what)
    if not scale:
        return StoredImage(_arrange(source, _list_dimensions(array)), None)
    try:
        return _read_scale(scale, source, node)
    except BAD_METADATA as error:
        if isinstance(error, ReconError):
            raise
        raise damage_error(what, path, f"its multiscales metadata, {error!r}") from error


def _open_member(node: Any, member: str, path: Path, what: str) -> Any:
    try:
        array = node.get(member)
        names = [] if isinstance(array, zarr.Array) else sorted(map(str, node.keys()))
    except Exception as error:  # as many kinds as zarr.open raises
        raise damage_error(what, path, error) from error
    if not isinstance(array, zarr.Array):
        inside = f"; it holds {', '.join(names[:5])}: give one of these" if names else ""
        raise ReconError(f'{what} {path} is a zarr group without an image "{member}"{inside}')
    return array


def _list_dimensions(array: "zarr.Array[Any]") -> list[str] | None:
    """The names of the axes of a plain array: of zarr 3, or as xarray gives them in zarr 2."""
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    return [str(name) for name in names] if isinstance(names, list | tuple) else None


def _read_scale(scale: dict[str, Any], source: Source, node: Any) -> StoredImage:
    given = scale.get("axes") or list(FIRST_AXES)
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in given]
    names = [axis["name"] for axis in axes]
    if len(names) != source.ndim or not all(isinstance(name, str) for name in names):
        raise ValueError(f"axes {shown(names)} for an array of {source.ndim}")
    if len(set(names)) < len(names):
        raise ValueError(f"axes of one name, {shown(names)}")
    space = [
        axis.get("type", "space" if name.lower() in NAMES else "other") == "space"
        for axis, name in zip(axes, names, strict=True)
    ]
    array = _arrange(source, names, space)
    places = array.places if isinstance(array, Arranged) else range(source.ndim)
    changes = [*scale["datasets"][0].get("coordinateTransformations", ())]
    changes += scale.get("coordinateTransformations", ())
    for change in changes:
        if "path" in change:  # its numbers are an array of the group
            change[change["type"]] = np.asarray(node[change["path"]]).tolist()
    units = [axes[place].get("unit") for place in places]
    return StoredImage(array, _measure(source, changes, list(places), units))


def _arrange(
    source: Source, names: list[str] | None, space: list[bool] | None = None
) -> Source | Arranged:
    """The array with its axes in the order z, y, x where their names tell it, else as they come."""
    if names is None or len(names) != source.ndim:
        return source
    plain = [name.lower() for name in names]
    kept = [name in NAMES for name in plain] if space is None else space
    if space is None and (not all(kept) or len(set(plain)) < len(plain)):
        return source  # names of something else
    for name, length, inside in zip(names, source.shape, kept, strict=True):
        if length > 1 and not inside:
            raise ReconError(
                f"{source.what} {source.path} has {length} images along its axis {name}; "
                "save one of them"
            )
    places = [place for place, inside in enumerate(kept) if inside]
    if {plain[place] for place in places} <= set(NAMES):
        places.sort(key=lambda place: NAMES.index(plain[place]))
    elif len(places) > 1:
        given = ", ".join(names[place] for place in places)
        warnings.warn(
            f"{source.path}: its axes {given} become {', '.join(NAMES[-len(places) :])}",
            stacklevel=2,
        )
    return source if places == [*range(source.ndim)] else Arranged(source, tuple(places))


def _measure(
    source: Source, changes: list[dict[str, Any]], places: list[int], units: list[Any]
) -> Lengths | None:
    """Edge lengths in metres along the places; None, with a warning, where they are unknown."""
    lengths = [Decimal(1)] * len(places)
    scaled = False
    for change in changes:
        kind = change["type"]
        if kind == "scale":
            steps = change["scale"]
            if len(steps) != source.ndim:
                raise ValueError(f"a scale of {len(steps)} numbers for {source.ndim} axes")
            factors = [Decimal(repr(float(steps[place]))) for place in places]
            lengths = [a * b for a, b in zip(lengths, factors, strict=True)]
            scaled = True
        elif kind not in ("identity", "translation"):
            return _no_lengths(source, f"its transformation {shown(kind)} is not known to recon")
    if not scaled or not changes:
        return None
    if not all(length.is_finite() and length > 0 for length in lengths):
        raise ValueError(f"a scale that is not > 0: {', '.join(map(str, lengths))}")
    named = [None if unit is None else str(unit).translate(MICRO) for unit in units]
    strange = sorted({str(unit) for unit in named if unit not in UNITS and unit is not None})
    if strange:
        return _no_lengths(source, f"unit {shown(', '.join(strange))} is no length that it knows")
    if None in named:
        if set(lengths) == {Decimal(1)}:
            return None
        return _no_lengths(source, "its axes have a scale but no unit")
    metres = tuple(float(a * UNITS[str(b)]) for a, b in zip(lengths, named, strict=True))
    return None if set(metres) == {1.0} else metres  # 1 m: how recon writes "unknown"


def _no_lengths(source: Source, why: str) -> Lengths | None:
    """None, and a warning of why."""
    warnings.warn(f"{source.path}: voxel size unknown, {why}", stacklevel=2)
    return None
