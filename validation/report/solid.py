"""A picture of one phase in three dimensions: rays through its smoothed indicator, no GL."""

import io
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from recon.core.data.volume import Volume

Floats = NDArray[np.float64]
Field = NDArray[np.float32]

SIDE = 300  # CSS pixels of the picture, which has twice as many of its own for sharp displays
SAMPLES = 480  # rays along one side
MOST = 96  # voxels along the longest side; larger volumes are averaged in blocks
SMOOTHING = 0.8  # voxels
STEP = 0.6  # voxels between two samples of a ray
FILLED = 0.94  # of the picture's side that the box spans
LINE = "#7d8797"  # seen on light and on dark pages


@attrs.frozen
class View:
    """Orthographic camera: unit vectors (x, y, z) to the right, up, and towards the viewer."""

    right: Floats
    up: Floats
    near: Floats

    @classmethod
    def of(cls, azimuth: float = -58, elevation: float = 27) -> "View":
        """A camera at angles in degrees; azimuth 0 looks from +x, -90 from -y."""
        a, e = np.radians([azimuth, elevation])
        near = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        right = np.array([-np.sin(a), np.cos(a), 0.0])
        return cls(right, np.cross(near, right), near)

    @property
    def light(self) -> Floats:
        """Where the light comes from: over the viewer's left shoulder."""
        direction: Floats = self.near + 0.9 * self.up - 0.55 * self.right
        return direction / np.linalg.norm(direction)


@attrs.frozen(eq=False)
class Body:
    """The indicator of a phase on a grid, ready for rays.

    field   (x, y, z) smoothed indicator;  wide  the same, smoothed widely: how much is near
    edges   (x, y, z) of a voxel, the longest side of the box is 1
    """

    field: Field
    wide: Field
    edges: Floats

    @classmethod
    def of(cls, inside: NDArray[np.bool_], voxel_size: Sequence[float]) -> "Body":
        """From a mask (z, y, x), averaged in blocks when it is large."""
        block = -(-max(inside.shape) // MOST)
        mask = inside.astype(np.float32)
        if block > 1:
            short = [-side % block for side in mask.shape]
            mask = np.pad(mask, [(0, s) for s in short], mode="edge")
            parts = [n for side in mask.shape for n in (side // block, block)]
            mask = mask.reshape(parts).mean((1, 3, 5))
        mask = np.ascontiguousarray(mask.transpose())
        edges = np.array(voxel_size[::-1], float) * block
        return cls(
            ndimage.gaussian_filter(mask, SMOOTHING, mode="nearest"),
            ndimage.gaussian_filter(mask, 3.0, mode="constant"),
            edges / (edges * mask.shape).max(),
        )

    @property
    def size(self) -> Floats:
        """Sides (x, y, z) of the box."""
        return self.edges * self.field.shape

    def at(self, field: Field, points: Floats) -> Floats:
        """A field at points (n, 3); beyond the outermost centres as at them."""
        places = (points / self.edges - 0.5).T
        values: Floats = ndimage.map_coordinates(
            field, places, order=1, mode="nearest", output=float
        )
        return values

    def slope(self, points: Floats) -> Floats:
        """Direction (n, 3) in which the phase ends, unit vectors."""
        moved = 0.9 * self.edges.min() * np.eye(3)
        differences = [
            self.at(self.field, points - d) - self.at(self.field, points + d) for d in moved
        ]
        direction = np.stack(differences, 1)
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        unit: Floats = direction / np.maximum(length, 1e-12)
        return unit


def picture_phase(volume: Volume, phase: int, colour: str) -> Image.Image:
    """One phase of a volume from above one corner, in a box with its axes; RGBA.

    colour  "#rrggbb";  cost  below 1 s for 64^3
    """
    body, view = Body.of(volume.labels == phase, volume.voxel_size), View.of()
    scale, middle = _fit_frame(body.size, view)
    across = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    right, up = np.meshgrid(across / scale, -across / scale)
    starts = middle + right[..., None] * view.right + up[..., None] * view.up
    rgba = _render(body, view, starts.reshape(-1, 3), colour).reshape(SAMPLES, SAMPLES, 4)
    shown = Image.fromarray(np.round(255 * rgba).astype(np.uint8))
    return _draw_box(shown.resize((2 * SIDE, 2 * SIDE), Image.Resampling.LANCZOS), body.size, view)


def encode_png(image: Image.Image) -> bytes:
    """The picture in 255 colours, which its shades of one colour do not need all of."""
    buffer = io.BytesIO()
    image.quantize(255, method=Image.Quantize.FASTOCTREE).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _fit_frame(size: Floats, view: View) -> tuple[float, Floats]:
    """Picture sides per length, and the middle of the box."""
    corners = _list_corners(size)
    spans = [np.ptp(corners @ direction) for direction in (view.right, view.up)]
    return FILLED / max(spans), size / 2


def _list_corners(size: Floats) -> Floats:
    """The eight corners (8, 3); corner i has coordinate k at its end where bit k of i is set."""
    return np.array([[(i >> k) & 1 for k in range(3)] for i in range(8)]) * size


def _render(body: Body, view: View, starts: Floats, colour: str) -> Floats:
    """Colour and opacity (n, 4) of rays that run from far in front through the starts."""
    near, far = _cross_box(body.size, starts, view.near)
    ray = np.flatnonzero(near > far)
    reached, depth = _find_first(body, view.near, starts[ray], near[ray], far[ray])
    ray = ray[reached]
    points = starts[ray] + depth[reached, None] * view.near
    entered = np.isclose(depth[reached], near[ray])
    normals = np.where(entered[:, None], _find_faces(body.size, points), body.slope(points))
    open_side = points + 2.0 * body.edges.min() * normals
    near_by = np.where(
        ((open_side > 0) & (open_side < body.size)).all(1), body.at(body.wide, open_side), 0
    )
    lit = np.clip(normals @ view.light, 0, 1)
    behind = (near[ray] - depth[reached]) / np.sqrt((body.size**2).sum())
    shade = (0.5 + 0.64 * lit) * (1 - 0.55 * near_by) * (1 - 0.45 * np.clip(behind, 0, 1))
    rgba = np.zeros((len(starts), 4))
    rgba[ray, :3] = np.clip(_brighten(colour) * shade[:, None], 0, 1)
    rgba[ray, 3] = 1
    return rgba


def _cross_box(size: Floats, starts: Floats, near: Floats) -> tuple[Floats, Floats]:
    """Where rays start + t near enter (large t, towards the viewer) and leave the box."""
    with np.errstate(divide="ignore"):
        low, high = -starts / near, (size - starts) / near
    return np.maximum(low, high).min(1), np.minimum(low, high).max(1)


def _find_first(
    body: Body, direction: Floats, starts: Floats, near: Floats, far: Floats
) -> tuple[NDArray[np.bool_], Floats]:
    """Which rays meet the phase, and where along the ray each does first."""
    step = STEP * body.edges.min()
    depth = near.copy()
    value = body.at(body.field, starts + depth[:, None] * direction)
    reached = value >= 0.5
    active = np.flatnonzero(~reached)
    while len(active):
        depth[active] -= step
        active = active[depth[active] > far[active]]
        current = body.at(body.field, starts[active] + depth[active, None] * direction)
        hit = current >= 0.5
        met = active[hit]
        # Linear between the last two samples.
        depth[met] += step * (current[hit] - 0.5) / np.maximum(current[hit] - value[met], 1e-9)
        reached[met] = True
        value[active] = current
        active = active[~hit]
    return reached, depth


def _find_faces(size: Floats, points: Floats) -> Floats:
    """Outward normals (n, 3) of the faces of the box that points lie on."""
    distance = np.minimum(points, size - points)
    axis = distance.argmin(1)
    normals = np.zeros_like(points)
    rows = np.arange(len(points))
    normals[rows, axis] = np.where(points[rows, axis] > size[axis] / 2, 1, -1)
    return normals


def _brighten(colour: str) -> Floats:
    """Red, green and blue, brightened where shading would leave only black."""
    rgb: Floats = np.array(list(bytes.fromhex(colour[1:]))) / 255
    light = float(rgb @ np.array([0.3, 0.6, 0.1]))
    return rgb + (1 - rgb) * max(0.0, 0.5 - light)


def _draw_box(image: Image.Image, size: Floats, view: View) -> Image.Image:
    """With the edges of the box: the three that the body may hide lie behind it."""
    scale, middle = _fit_frame(size, view)
    corners = (_list_corners(size) - middle) * scale
    flat = np.stack([0.5 + corners @ view.right, 0.5 - corners @ view.up], 1) * image.width
    hidden = int(np.argmin(_list_corners(size) @ view.near))
    frame = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(frame)

    def edges(of_hidden: bool) -> None:
        for i in range(8):
            for k in range(3):
                j = i | 1 << k
                if i != j and (hidden in (i, j)) == of_hidden:
                    draw.line([*map(tuple, flat[[i, j]])], fill=LINE, width=2)

    edges(of_hidden=True)
    frame.alpha_composite(image)
    edges(of_hidden=False)
    font = ImageFont.load_default(0.05 * image.width)
    # Each at the far end of an edge in sight: x and z from the origin, y from the end of x.
    for name, (i, j) in {"x": (0, 1), "y": (1, 3), "z": (0, 4)}.items():
        place = 0.2 * flat[i] + 0.8 * flat[j]
        outward = place - image.width / 2
        place = place + 0.04 * image.width * outward / np.linalg.norm(outward)
        draw.text(tuple(place), name, fill=LINE, font=font, anchor="mm")
    return frame
