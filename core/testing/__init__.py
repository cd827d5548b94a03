"""Hypothesis strategies and conformance checks, for this project and for authors of plugins."""

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from recon.core.options import options, rule, values
from recon.core.testing import files, measures, samplers
from recon.core.testing.strategies import labels, micrographs, sample_volume, volumes

__all__ = ["check_plugin", "labels", "micrographs", "sample_volume", "volumes"]
CHECKS: dict[str, Any] = {
    "metric": measures.check_metric,
    "property": measures.check_property,
    "exporter": files.check_exporter,
    "reader": files.check_reader,
    "schedule": samplers.check_schedule,
    "harmonizer": samplers.check_harmonizer,
    "refiner": samplers.check_refiner,
    "denoiser": samplers.check_denoiser,
}
"""Kind of plugin -> what holds an instance to its contract."""


def check_plugin(cls: type[Any], sample: Path | None = None, **given: Any) -> None:
    """Assert that a plugin class keeps the contract of its kind; one line in an author's test.

    sample  a file for a reader to read
    given   options to build it with, beside the defaults
    """
    kind = getattr(cls, "kind", None)
    assert kind in CHECKS, f"{cls!r} must derive from one of the kinds of plugins"
    assert isinstance(cls.name, str) and cls.name == cls.name.lower(), "name must be lower case"
    assert cls.__doc__, "the docstring is the help text"
    for name, field in options(cls).items():
        assert rule(field).help, f"option {name} must have a help text"
    plugin = cls(**given)
    table = values(plugin)
    again = cls(**tomllib.loads(tomli_w.dumps(table)))
    assert values(again) == table, "options must survive TOML"
    if sample is not None:
        files.check_reader(plugin, sample)
    else:
        CHECKS[kind](plugin)
