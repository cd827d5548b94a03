"""Optional libraries that readers need, loaded when a file asks for them."""

import importlib
from pathlib import Path
from typing import Any

from recon.core.errors import ReconError


def import_library(name: str, path: Path) -> Any:
    """The library; ReconError tells how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ReconError(
            f"{path} needs {name} to be read; pip install 'microrecon[formats]'"
        ) from error
