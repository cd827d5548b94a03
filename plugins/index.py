"""Writes index.json: what the bundled plugins are, to be read without importing them."""

import json

import attrs

import recon.plugins
from recon.core.catalog import Summary, classes_of


def list_plugins() -> str:
    """The summaries of all classes that the hooks return, as JSON."""
    tables = [attrs.asdict(Summary.of(cls)) for cls in classes_of(recon.plugins)]
    return json.dumps(tables, indent=1) + "\n"


if __name__ == "__main__":
    recon.plugins.INDEX.write_text(list_plugins(), encoding="utf-8")
