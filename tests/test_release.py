"""What is released holds together: packages, versions, recipe, workflows, changelog, words."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CONDA = {"matplotlib": "matplotlib-base", "torch": "pytorch"}
"""Names on conda-forge that differ from those on PyPI."""


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_package_is_listed():
    listed = PROJECT["tool"]["setuptools"]["packages"]
    folders = PROJECT["tool"]["setuptools"]["package-dir"]
    names = {
        ".".join([package, *file.parent.relative_to(ROOT / folder).parts])
        for package, folder in folders.items()
        for file in (ROOT / folder).rglob("__init__.py")
    }
    assert set(listed) == names


def test_every_file_that_is_no_code_is_package_data():
    data = PROJECT["tool"]["setuptools"]["package-data"]
    kept = {
        file
        for package, patterns in data.items()
        for pattern in patterns
        for file in folder_of(package).glob(pattern)
    }
    for package in PROJECT["tool"]["setuptools"]["packages"]:
        for file in folder_of(package).iterdir():
            if file.is_file() and file.suffix != ".py":
                assert file in kept, f"{file.relative_to(ROOT)} is not in package-data"


def folder_of(package):
    top, *rest = package.removeprefix("recon.").split(".")
    return ROOT.joinpath(top, *rest)


def test_the_conda_recipe_asks_for_what_pyproject_asks_for():
    recipe = read("recipe/recipe.yaml")
    run = recipe.partition("  run:\n")[2].partition("\n\n")[0]
    asked = dict(line.removeprefix("    - ").split(" ") for line in run.splitlines())
    pairs = (re.split("(?=>=)", one) for one in PROJECT["project"]["dependencies"])
    wanted = {CONDA.get(name, name): version for name, version in pairs}
    python = PROJECT["project"]["requires-python"]
    assert asked == {"python": python, **wanted}
    assert f'version: "{PROJECT["project"]["version"]}"' in recipe


def test_the_workflows_run_what_is_there():
    for workflow in WORKFLOWS:
        for script in re.findall(r"bash (\S+)", workflow.read_text(encoding="utf-8")):
            assert (ROOT / script).is_file(), f"{workflow.name}: {script}"
    pythons = re.findall(r'"(3\.\d+)"', read(".github/workflows/tests.yml").split("runs-on")[0])
    classifiers = [one.rpartition(" ")[2] for one in PROJECT["project"]["classifiers"]]
    assert pythons == [one for one in classifiers if re.fullmatch(r"3\.\d+", one)]


def test_the_changelog_has_the_form_of_keep_a_changelog():
    headings = re.findall(r"^##+ .+$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "## [Unreleased]"
    kinds = "Added|Changed|Deprecated|Removed|Fixed|Security"
    for heading in headings[1:]:
        dated = re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading)
        assert dated or re.fullmatch(rf"### ({kinds})", heading), heading


def test_every_citation_of_the_paper_is_in_its_bibliography_and_the_other_way_round():
    cited = set(re.findall(r"@(\w+)", read("paper.md").split("\n---\n", 1)[1]))
    listed = set(re.findall(r"^@\w+\{(\w+),", read("paper.bib"), re.MULTILINE))
    assert cited == listed


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "paper.md"])
def test_links_lead_somewhere(name):
    text = re.sub(r"```.*?```", "", read(name), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith("https://"):
            assert (ROOT / target.partition("#")[0]).exists(), f"{name}: {target}"
