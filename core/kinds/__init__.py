"""The eight kinds of plugins, each abstract in a file of its own, loaded when first asked for."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
