"""What may be varied to reach a target, and what a choice of it makes of a recipe."""

import typing
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from recon.core.catalog import catalog
from recon.core.data.material import Material
from recon.core.data.phases import find_label
from recon.core.data.planes import AXES
from recon.core.errors import ReconError
from recon.core.options import options, resolve_type
from recon.core.recipe import TABLES, Recipe
from recon.workflow.overlay import check_key

FRACTION, STRETCH, BLEND = "fraction", "stretch", "blend"


@attrs.frozen
class Parameter:
    """A number between two bounds: a phase fraction, a stretch of the texture, a share of another
    material, a recipe's key.

    key  "fraction" (of phase 1 of two), "fraction.PHASE", "stretch.AXIS", "blend:WEIGHTS", or of a
         recipe, such as "harmonizer.temperature"
    """

    key: str
    low: float
    high: float

    @classmethod
    def parse(cls, text: str) -> "Parameter":
        """`fraction.pore=0.2:0.5`; ReconError for anything else."""
        key, equals, bounds = (part.strip() for part in text.partition("="))
        low, colon, high = bounds.partition(":")
        try:
            parameter = cls(key, float(low), float(high))
        except ValueError:
            parameter = cls(key, 0.0, 0.0)
        if (
            not (equals and colon)
            or not parameter.low < parameter.high
            or not np.isfinite(parameter.high)
        ):
            raise ReconError(
                f"vary= must be KEY=LOW:HIGH such as fraction.pore=0.2:0.5, got {text!r}"
            )
        kind, _, rest = key.partition(".")
        if kind == FRACTION and not (parameter.low > 0 and parameter.high < 1):
            raise ReconError(f"vary={key}: fractions must lie between 0 and 1, got {bounds}")
        if kind == STRETCH and (rest not in AXES or parameter.low <= 0):
            raise ReconError(
                f"vary={key}: stretch is stretch.z, .y or .x with bounds above 0, got {text!r}"
            )
        if key.startswith(BLEND + ":"):
            if len(key) == len(BLEND) + 1 or parameter.low < 0 or parameter.high > 1:
                raise ReconError(
                    f"vary={key}: a share is blend:WEIGHTS=LOW:HIGH with bounds in [0, 1], got "
                    f"{text!r}"
                )
        elif kind not in (FRACTION, STRETCH):
            check_key(key, "vary=")
        return parameter

    @property
    def logarithmic(self) -> bool:
        """Whether halves and doubles are alike."""
        return self.key.startswith(STRETCH)


def is_whole(key: str, recipe: Recipe) -> bool:
    """Whether a key of the recipe takes whole numbers only."""
    table, dot, name = key.partition(".")
    if not dot:
        return type(getattr(recipe, key, None)) is int
    if table == "refiner":
        plugin, _, name = name.partition(".")
    elif table in TABLES:
        plugin = getattr(recipe, table).name
    else:
        return False
    cls = catalog().entry(table, plugin).cls
    field = options(cls).get(name)
    if field is None:
        return False
    annotation = resolve_type(field, cls).type
    kinds = {annotation, *typing.get_args(annotation)}
    return int in kinds and float not in kinds


def make_values(chosen: Mapping[str, float], material: Material | None) -> dict[str, Any]:
    """The keys of a recipe, with their values, that a choice of parameters stands for."""
    values: dict[str, Any] = {}
    fractions: dict[int, float] = {}
    factors = dict.fromkeys(AXES, 1.0)
    for key, number in chosen.items():
        kind, _, rest = key.partition(".")
        if key.startswith(BLEND + ":"):
            values["harmonizer.blend"] = key.partition(":")[2]
            values["harmonizer.blend_share"] = [number]
        elif kind == FRACTION:
            fractions[_find_phase(rest, material)] = number
        elif kind == STRETCH:
            factors[rest] = number
            values["denoiser.stretch"] = factors
        else:
            values[key] = number
    if "denoiser.stretch" in values:
        values["denoiser.stretch"] = list(factors.values())
    if fractions:
        assert material is not None
        values["harmonizer.fraction"] = _fill(fractions, material.statistics.fractions.tolist())
    return values


def _find_phase(name: str, material: Material | None) -> int:
    if material is None:
        raise ReconError("vary=fraction needs weights of a material; give weights=")
    if not name and len(material.phases) != 2:
        names = ", ".join(material.phases)
        raise ReconError(f"vary=fraction must name a phase, such as fraction.{names}")
    return find_label(material.phases, name) if name else 1


def _fill(given: Mapping[int, float], usual: Sequence[float]) -> list[float]:
    """Fractions of all phases: those given, the others sharing the rest as they usually do."""
    rest = 1.0 - sum(given.values())
    others = sum(share for label, share in enumerate(usual) if label not in given)
    if rest <= 0 or (others <= 0 and rest > 1e-9):
        raise ReconError(f"fractions must leave something to the other phases, got {1 - rest:.3g}")
    return [
        given[label] if label in given else float(rest * share / others)
        for label, share in enumerate(usual)
    ]
