"""Lists and fetches weights: those shipped, those of a folder, those of an index."""

import re
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import urlopen

import attrs

from recon.core import weights
from recon.core.bundled import list_bundled
from recon.core.catalog import catalog
from recon.core.errors import ReconError, shown, unknown
from recon.core.storage.atomic import atomic_outputs
from recon.core.storage.budget import format_memory
from recon.core.storage.limits import TEXT, WEIGHTS, Limit
from recon.workflow.library.card import (
    SUFFIX,
    Card,
    check_digest,
    describe,
    parse_json,
    read_json,
    write_card,
)

ADDRESS = re.compile(r"[a-z]+://")
LOCAL = ("localhost", "127.0.0.1", "::1")
"""Hosts that need no https."""
TIMEOUT = 60
"""Seconds without an answer."""


def list_weights(place: str | None = None) -> list[Card]:
    """Cards of the weights of a folder or of an index; of those shipped when no place is given.

    place  a folder of .safetensors files, a JSON file that lists cards, or its address
    """
    if place is None:
        shipped = {
            name: path
            for denoiser in catalog().names("denoiser")
            for name, path in list_bundled(denoiser).items()
        }
        return [_locate(describe(path), path) for path in shipped.values()]
    if not ADDRESS.match(place) and Path(place).is_dir():
        return [_locate(describe(path), path) for path in sorted(Path(place).glob("*.safetensors"))]
    table = _read_index(place)
    if not isinstance(table, list):
        raise ReconError(f"index {place} must be a list of cards, got {shown(table)}")
    return [Card.from_table(one, f"index {place}") for one in table]


def find_card(name: str, place: str | None = None) -> Card:
    """The card of a name; a path to a weights file is taken as it is when no place is given."""
    if place is None and name.endswith(".safetensors"):
        return _locate(describe(Path(name)), Path(name))
    cards = {card.name: card for card in list_weights(place)}
    if name not in cards:
        raise unknown("weights", name, cards)
    return cards[name]


def fetch(card: Card, place: str | None, out: Path) -> None:
    """Write weights and their card as out and, beside it, its name with the suffix .card.json."""
    if out.suffix != ".safetensors":
        raise ReconError(f"out= must end in .safetensors, got {out}")
    origin = _resolve(card.file, place)
    if ADDRESS.match(origin):
        if card.sha256 is None:
            raise ReconError(f"the card of {card.name} has no sha256, which a download needs")
        content = _download(origin, WEIGHTS)
    else:
        content = weights.read(Path(origin)).path.read_bytes()
    if card.sha256 is not None:
        check_digest(content, card.sha256, f"weights {origin}")
    with atomic_outputs([out, out.with_suffix(SUFFIX)]) as partial:
        file = partial / out.name
        file.write_bytes(content)
        texts = {"material": card.material, "source": card.source}
        write_card(file, {**texts, "licence": card.licence, "verdict": card.verdict})


def _locate(card: Card, path: Path) -> Card:
    return attrs.evolve(card, file=str(path))


def _read_index(place: str) -> object:
    if ADDRESS.match(place):
        return parse_json(_download(place, TEXT), f"index {place}")
    return read_json(Path(place), "index")


def _resolve(file: str, place: str | None) -> str:
    """Where a file of an index is; a folder and what is shipped give paths."""
    if place is None or (not ADDRESS.match(place) and Path(place).is_dir()):
        return file
    if ADDRESS.match(place):
        return urljoin(place, file)
    return file if ADDRESS.match(file) else str(Path(place).parent / file)


def _download(address: str, limit: Limit) -> bytes:
    """Content behind an address, up to a limit."""
    _check_secure(address)
    try:
        with urlopen(address, timeout=TIMEOUT) as answer:  # nosec B310
            _check_secure(answer.geturl())
            content: bytes = answer.read(limit.bytes + 1)
    except ReconError:
        raise
    except (URLError, OSError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        reason = getattr(error, "reason", error)
        raise ReconError(f"cannot fetch {address}: {reason}; check the address") from None
    if len(content) > limit.bytes:
        raise ReconError(
            f"{address} must take at most {format_memory(limit.bytes)}; raise the limit "
            f"{limit.variable} if you trust it"
        )
    return content


def _check_secure(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise ReconError(f"an address must begin with https://, got {address}")
