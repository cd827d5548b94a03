"""The card of a weights file: what material it is of, where it comes from, how far to trust it.

It stands beside the file, under the same name with the suffix .card.json, and can be edited: the
texts are the author's, the facts are read off the weights.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Self

import attrs

from recon.core import weights
from recon.core.data.units import format_voxel_size
from recon.core.errors import ReconError, shown
from recon.core.storage.atomic import atomic_output
from recon.core.storage.limits import TEXT, stat_regular_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SUFFIX = ".card.json"
TEXTS = ("material", "source", "licence", "verdict")
"""What only the author knows; empty until it is filled in."""


@attrs.frozen
class Card:
    """One entry of a library.

    name        of the weights in the library
    file        where they are: a path or an address, relative to the index that lists the card
    sha256      of the file; None where it is shipped with recon
    denoiser    the plugin that uses them
    phases      names;  fractions  of the micrographs;  voxel_size  in metres, (z, y, x)
    planes      that were trained on
    material    what the micrographs show;  source  where they come from
    licence     of the weights;  verdict  what a comparison of volumes with the material found
    """

    name: str
    file: str
    sha256: str | None
    denoiser: str
    phases: tuple[str, ...]
    fractions: tuple[float, ...]
    voxel_size: tuple[float, ...]
    planes: tuple[str, ...]
    material: str = ""
    source: str = ""
    licence: str = ""
    verdict: str = ""

    @classmethod
    def from_table(cls, table: Any, what: str) -> Self:
        """From JSON that may come from anywhere; `what` it is begins the ReconError."""
        if not isinstance(table, dict):
            raise ReconError(f"{what}: a card must be a table, got {shown(table)}")
        for key, (right, rule) in _RULES.items():
            value = table.get(key, "" if key in TEXTS else None)
            if not right(value):
                raise ReconError(f"{what}: {key} of a card must be {rule}, got {shown(value)}")
        known = {field.name for field in attrs.fields(cls)}
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in table.items()
            if key in known
        }
        return cls(**values)

    def to_table(self) -> dict[str, Any]:
        """As it stands in a file or an index."""
        return attrs.asdict(self)

    def to_lines(self) -> list[str]:
        """As it is printed."""
        shares = zip(self.phases, self.fractions, strict=True)
        z, y, x = self.voxel_size
        return [
            f"{self.name}: {self.material or 'material not stated'}",
            f"  source:     {self.source or 'not stated'}",
            f"  licence:    {self.licence or 'not stated'}",
            f"  verdict:    {self.verdict or 'not stated'}",
            f"  phases:     {', '.join(f'{name} {share:.3f}' for name, share in shares)}",
            f"  voxel size: {format_voxel_size((z, y, x))}",
            f"  planes:     {', '.join(self.planes)}",
            f"  denoiser:   {self.denoiser}",
        ]


def locate_card(path: Path) -> Path:
    """Where the card of a weights file is."""
    return path.with_suffix(SUFFIX)


def describe(path: Path, texts: dict[str, str] | None = None) -> Card:
    """The card of a weights file: facts of the file, texts of its card or those given."""
    stored = weights.read(path)
    header = stored.header
    return Card(
        path.stem,
        path.name,
        stored.sha256,
        header["denoiser"],
        tuple(header["phases"]),
        tuple(header["fractions"]),
        tuple(header["voxel_size"]),
        tuple(header["planes"]),
        **(read_texts(path) if texts is None else texts),
    )


def read_texts(path: Path) -> dict[str, str]:
    """Texts of the card beside a weights file; none when there is no card."""
    beside = locate_card(path)
    if not beside.exists():
        return {}
    table = read_json(beside, "card")
    if not isinstance(table, dict):
        raise ReconError(f"card {beside} must hold a table, got {shown(table)}")
    texts = {key: table.get(key, "") for key in TEXTS}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise ReconError(f"card {beside}: {key} must be a text, got {shown(value)}")
    return texts


def write_card(path: Path, texts: dict[str, str]) -> None:
    """Write the card beside a weights file; texts that are empty stay as they are in an old one."""
    given = {key: text for key, text in texts.items() if text}
    table = describe(path, {**read_texts(path), **given}).to_table()
    with atomic_output(locate_card(path), replace=True) as partial:
        partial.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path, what: str) -> Any:
    """Content of a JSON file that may come from anywhere."""
    TEXT.check(stat_regular_file(path, what).st_size, f"{what} {path}", "shorten it")
    return parse_json(path.read_bytes(), f"{what} {path}")


def parse_json(content: bytes, what: str) -> Any:
    """The JSON of some bytes; `what` they are begins the ReconError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReconError(f"{what}: not valid JSON: {error}") from None


def check_digest(content: bytes, expected: str, what: str) -> None:
    """ReconError unless the SHA-256 of the bytes is the expected one."""
    if (got := hashlib.sha256(content).hexdigest()) != expected:
        raise ReconError(
            f"{what} has the SHA-256 {got[:12]}..., its card says {expected[:12]}...; the file or "
            "the index is out of date: ask whoever publishes them"
        )


def _is_list(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


_RULES: dict[str, tuple[Any, str]] = {
    "name": (
        lambda v: isinstance(v, str) and NAME.fullmatch(v),
        "a name of letters, digits and . _ -",
    ),
    "file": (lambda v: isinstance(v, str) and v, "a path or an address"),
    "sha256": (
        lambda v: v is None or (isinstance(v, str) and re.fullmatch("[0-9a-f]{64}", v)),
        "64 hexadecimal digits or null",
    ),
    "denoiser": (lambda v: isinstance(v, str), "a name"),
    "phases": (lambda v: _is_list(v, str) and v, "a list of names"),
    "fractions": (lambda v: _is_list(v, (int, float)), "a list of numbers"),
    "voxel_size": (lambda v: _is_list(v, (int, float)) and len(v) == 3, "three lengths"),
    "planes": (lambda v: _is_list(v, str), "a list of planes"),
    **{key: (lambda v: isinstance(v, str), "a text") for key in TEXTS},
}
