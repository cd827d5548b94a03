"""Ways to break a file: its bytes, a table of JSON or TOML, the fields of an image format."""

import copy
import datetime
import random
import struct
import zlib
from typing import Any

NUMBERS = (0, 1, 2, 7, 8, 16, 127, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**60)
DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
VALUES: tuple[Any, ...] = (
    *(True, False, 0, 1, -1, 2, 3.5, 255, 2**31, 2**63, 2**64, -(2**63), 10**400, 1e-320, 1e300),
    *(float("nan"), float("inf"), float("-inf"), "", "x", "0", "\x00", "\x1b[31m\n", "x" * 5000),
    *("../../etc/passwd", "/dev/zero", "/proc/self/mem", "/nowhere/" + "y" * 300, "uint8", "z,y,x"),
    *([], {}, [[]], [0, 0, 0], [10**9] * 3, [2**40] * 3, [1e300] * 3, ["a", "a"], [None], {"a": 1}),
    *({"name": []}, {"kind": 3}, DEEP),
)


def broken_bytes(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """One to four changes: flips, numbers written over, pieces cut, doubled or taken from another.

    other  a file of the same kind
    """
    text = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        size = max(1, len(text))
        place, length = rng.randrange(size), rng.choice((1, 2, 4, 8, 64, size // 2))
        match rng.randrange(7):
            case 0:
                text[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                if text:
                    text[place] ^= 1 << rng.randrange(8)
            case 2:
                number = rng.choice(NUMBERS)
                code = rng.choice("HIQ")
                number &= (1 << 8 * struct.calcsize(code)) - 1
                written = struct.pack(rng.choice("<>") + code, number)
                text[place : place + len(written)] = written
            case 3:
                del text[place : place + length]
            case 4:
                text[place:place] = text[place : place + length]
            case 5:
                start = rng.randrange(max(1, len(other)))
                text[place : place + length] = other[start : start + length]
            case 6:
                del text[place:]
    return bytes(text)


def broken_table(table: Any, rng: random.Random, values: tuple[Any, ...] = VALUES) -> Any:
    """A copy of nested tables and lists in which one to three places are changed."""
    root = [copy.deepcopy(table)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(root))
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0 | 1 | 2:
                holder[key] = copy.deepcopy(rng.choice(values))
            case 3 if holder is not root:
                del holder[key]
            case 4:
                source, other = rng.choice(places)
                holder[key] = copy.deepcopy(source[other])
            case _:
                if isinstance(holder, dict):
                    holder[rng.choice(("x", "", "name", "\x00", str(key) + "s"))] = copy.deepcopy(
                        holder[key]
                    )
                else:
                    holder.insert(key, copy.deepcopy(holder[key]))
    return root[0]


def _places(holder: Any, depth: int = 0) -> Any:
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        yield holder, key
        if isinstance(value, dict | list) and depth < 9:
            yield from _places(value, depth + 1)


def for_toml(value: Any, rng: random.Random) -> Any:
    """What TOML can hold of a table; at times a date."""
    if isinstance(value, dict):
        return {str(k): for_toml(v, rng) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [for_toml(item, rng) for item in value if item is not None]
    if rng.random() < 0.01:
        return rng.choice((datetime.date(2000, 1, 1), datetime.time(1, 2, 3)))
    return value


def with_checksums(data: bytes) -> bytes:
    """A PNG with right checksums, so that what is broken in it is read."""
    out, place = bytearray(data[:8]), 8
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + min(length, len(data))]
        out += data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return bytes(out)


def broken_tags(data: bytes, rng: random.Random) -> bytes:
    """A classic little-endian TIFF in which fields of one to three tags are changed."""
    text = bytearray(data)
    (start,) = struct.unpack("<I", data[4:8])
    if data[:4] != b"II*\0" or start + 2 > len(data):
        return data
    (count,) = struct.unpack("<H", data[start : start + 2])
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = start + 2 + 12 * rng.randrange(max(1, count))
        offset, code = rng.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "H")))
        number = rng.choice(
            (*NUMBERS, rng.randrange(2**16), 254, 258, 259, 262, 277, 320, 8, start)
        )
        number &= (1 << 8 * struct.calcsize(code)) - 1
        text[place + offset : place + offset + struct.calcsize(code)] = struct.pack(
            "<" + code, number
        )
    return bytes(text)


def broken_npy(data: bytes, rng: random.Random) -> bytes:
    """An .npy whose header tells another type, order or shape."""
    descr = rng.choice(("|u1", "<f8", "|O", "<c16", "|b1", "<U4", "<M8[s]", "", "[('a', '|u1')]"))
    shape = rng.choice(("()", "(5,)", "(0, 3)", "(-1, 3)", "(2, 3)", "(10**9, 10**9)", "(2**70,)"))
    header = rng.choice(
        (
            f"{{'descr': {descr!r}, 'fortran_order': {rng.choice((True, 3))}, 'shape': {shape}, }}",
            f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape.replace('**', '')}, }}",
            "{" * 300,
            "[" * 9000,
        )
    ).encode()
    version = rng.choice((b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\7\0"))
    length = struct.pack("<H" if version[0] == 1 else "<I", min(len(header), 65535))
    return b"\x93NUMPY" + version + length + header + data[128:]
