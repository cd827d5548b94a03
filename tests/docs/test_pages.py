"""The pages: what the program says, links that lead somewhere, nothing left out."""

import importlib.util
import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

import click
import pytest

from recon.cli import COMMANDS, main
from recon.core import catalog
from recon.core.options import options

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
NAVIGATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_made_from_the_program_is_what_the_program_says(page):
    committed = (DOCS / page).read_text(encoding="utf-8")
    assert reference.PAGES[page]() == committed, "run: python docs/reference.py"


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r": (\S+\.(?:md|ipynb))$", NAVIGATION, re.MULTILINE))
    assert listed == {path.relative_to(DOCS).as_posix() for path in (*PAGES, *NOTEBOOKS)}


def anchors(page):
    """What a link may name: a page's headings as the site writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        assert there.is_file(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {target}"


def written_commands():
    """Lines `recon ...` of the shell blocks, continued lines joined."""
    for page in (*PAGES, ROOT / "README.md"):
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                if line.startswith("recon "):
                    yield page.name, line


@pytest.mark.parametrize(("page", "line"), list(written_commands()))
def test_commands_that_are_written_exist_with_their_flags(page, line):
    name, *words = shlex.split(line, comments=True)[1:]
    if page == "writing-plugins.md" and name not in COMMANDS:  # its plugins are not installed here
        return
    command = main.get_command(click.Context(main), name)
    assert command is not None, line
    known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
    flags = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert flags <= known | {"--help"}, f"{page}: {line}"
    choices = {param.opts[0]: param.type for param in command.params}
    for flag, value in pairwise(words):
        if isinstance(choices.get(flag), click.Choice):
            assert value in choices[flag].choices, f"{page}: {line}"
    if page == "writing-plugins.md":
        return
    for setting in re.findall(r"--set (\w[\w-]*)\.(\w+)=", line):
        assert setting[1] in known_options(setting[0], words), f"{page}: {line}"


def known_options(table, words):
    """Options of the plugins that a table of --set may mean; of all of its kind when not told."""
    kind = table if table in catalog_kinds() else None
    chosen = {value for flag, value in pairwise(words) if flag == f"--{table}"}
    return {
        option
        for entry in catalog()
        if (entry.cls.kind == kind and chosen <= {entry.cls.name}) or entry.cls.name == table
        for option in options(entry.cls)
    }


def catalog_kinds():
    return {entry.cls.kind for entry in catalog()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_executed_from_start_to_end_and_tells_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 700_000
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {
        "display_data",
        "execute_result",
        "stream",
    }
    assert all(output.get("name", "stdout") == "stdout" for output in outputs)
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) >= 2
    written = "\n".join(
        line
        for output in outputs
        for line in output.get("text", []) + output.get("data", {}).get("text/plain", [])
    )
    assert not re.search(r"/(?:home|root|tmp|work|Users)/|[A-Z]:\\|0x[0-9a-f]{6}", written)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_prose_has_the_words_of_the_glossary(page):
    """CONTRIBUTING.md has the plainer words, and the search that finds these."""
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    matches = re.findall(r"\b(told|pieces?|floors?|goes on|made again|is said)\b", text)
    assert not matches, f"{page.name}: {matches}"
