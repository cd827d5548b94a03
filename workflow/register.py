"""Plugin classes of the running process, such as those of a notebook."""

from typing import Any, cast

from recon.core.catalog import HERE, HOOKS, Entry, Summary, catalog, check_class
from recon.core.errors import shown


def register(cls: type[Any]) -> type[Any]:
    """Make a plugin class available by its name in this process; also works as a decorator.

    A class replaces an earlier one with the same name. Raises TypeError if a class does not meet
    the contract of its kind.
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
