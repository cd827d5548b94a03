"""Pages from templates: one HTML file with its style and script inside."""

from pathlib import Path
from typing import Any

import jinja2

HERE = Path(__file__).parent


def fill_template(name: str, **values: Any) -> str:
    """A page of this folder, with the style that all pages share."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE, encoding="utf-8"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name).render(style=read_assets("page.css"), **values)


def read_assets(*names: str) -> str:
    """Files of this folder, one after the other."""
    return "".join((HERE / name).read_text(encoding="utf-8") for name in names)
