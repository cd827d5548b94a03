"""recon: statistically equivalent 3D volumes from 2D micrographs.

The names that a notebook needs, each loaded when first asked for.
"""

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ = [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("microrecon")
    return _load(name)
