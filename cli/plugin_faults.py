"""An exception that came up inside a plugin of another package, in one line that names it."""

import os
import traceback

VARIABLE = "RECON_TRACEBACK"
"""When set, such an exception keeps its traceback, for the author of the plugin."""


def describe_fault(error: BaseException) -> str | None:
    """The line; None when no plugin of another package is to blame."""
    from recon.core.catalog import OWN, catalog
    from recon.core.kinds.plugin import Plugin

    if os.environ.get(VARIABLE):
        return None
    packages = {entry.summary.target: entry.package for entry in catalog()}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        owner = frame.f_locals.get("self", frame.f_locals.get("cls"))
        cls = owner if isinstance(owner, type) else type(owner)
        if not issubclass(cls, Plugin) or getattr(cls, "name", None) is None:
            continue
        package = packages.get(f"{cls.__module__}:{cls.__qualname__}", OWN)
        if package == OWN:
            return None
        what = " ".join(f"{type(error).__name__}: {error}".split())
        file = os.path.basename(frame.f_code.co_filename)
        return (
            f"{cls.kind} {cls.name} of package {package} failed: {what} ({file}, line {line}); "
            f"report it to its author; the traceback appears with {VARIABLE}=1"
        )
    return None
