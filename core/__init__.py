"""What plugins and scripts import; names are loaded when first asked for."""

import lazy_loader

# A module and a function share this name: bound here, the function stays.
from recon.core.catalog import catalog  # noqa: F401

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
