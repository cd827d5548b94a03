"""Plugin classes of the running process, such as those of a notebook."""

from typing import Any, cast

from recon.core.catalog import HERE, HOOKS, Entry, Summary, catalog, check_class
from recon.core.errors import shown


def register(cls: type[Any]) -> type[Any]:
    """Add a plugin class of this process, such as one of a notebook; may serve as a decorator.

    Registered again, a class takes the place of the one of its name. TypeError for a class that
    does not keep the contract of its kind.
    """
    kind = getattr(cls, "kind", None)
    if kind not in HOOKS:
        raise TypeError(f"{shown(cls)} must derive from one of the kinds of plugins")
    check_class(cls, kind, "register")
    key = kind, cast(Any, cls).name
    others = [entry for entry in catalog().entries.get(key, []) if entry.package != HERE]
    entry = Entry(Summary.of(cls), HERE, "0", lambda: cls)
    catalog().entries[key] = [*others, entry]
    return cls
