"""Blosc that looks at a chunk before it unpacks it.

The library believes a chunk's own word on its length, and reads memory beyond one that lies.
"""

import functools
import struct
from typing import Any

import numcodecs
import zarr
from numcodecs.blosc import Blosc
from zarr.codecs import BloscCodec

HEADER = struct.Struct("<4B3I")
"""Two versions, flags, size of an item; bytes unpacked, of a block, and packed with this header."""


@functools.cache
def guard() -> None:
    """Let zarr read Blosc through this file, in both of its formats."""
    numcodecs.registry.register_codec(CheckedBlosc)
    zarr.registry.register_codec("blosc", CheckedBloscCodec)
    name = f"{CheckedBloscCodec.__module__}.{CheckedBloscCodec.__qualname__}"
    zarr.config.set({"codecs.blosc": name})


def check(packed: Any) -> None:
    """ValueError for a chunk that claims to be longer than it is."""
    data = memoryview(packed).cast("B")
    if len(data) < HEADER.size:
        raise ValueError(f"a Blosc chunk must have a header of 16 bytes, got {len(data)} bytes")
    claimed = HEADER.unpack_from(data)[-1]
    if claimed > len(data):
        raise ValueError(f"a Blosc chunk of {len(data)} bytes claims to have {claimed}")


class CheckedBlosc(Blosc):  # type: ignore[misc]
    """Of zarr's format 2."""

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Unpack a chunk."""
        check(buf)
        return super().decode(buf, out)


class CheckedBloscCodec(BloscCodec):
    """Of zarr's format 3."""

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        check(chunk_bytes.as_numpy_array())
        return await super()._decode_single(chunk_bytes, chunk_spec)

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        check(chunk_bytes.as_numpy_array())
        return super()._decode_sync(chunk_bytes, chunk_spec)
