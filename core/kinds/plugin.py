"""What all kinds of plugins share."""

from abc import ABC
from typing import ClassVar


class Plugin(ABC):
    """A plugin class is its own configuration, its flags and its documentation.

    It has a kind, a name on the command line, and options (see core.options.option).
    """

    kind: ClassVar[str]
    name: ClassVar[str]
