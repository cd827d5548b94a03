"""The tree is the architecture: no cycle between packages, read off the imports."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

GRAPH = """
import json, sys
sys.path.insert(0, sys.argv[1])
import grimp
graph = grimp.build_graph("recon", cache_dir=None, exclude_type_checking_imports=True)
packages = {module.rpartition(".")[0] for module in graph.modules}
imports = {m: sorted(graph.find_modules_directly_imported_by(m)) for m in graph.modules}
json.dump({"packages": sorted(packages), "imports": imports}, sys.stdout)
"""


@pytest.fixture(scope="module")
def graph():
    """Packages and imports of the tree, as the links in .typing join it."""
    import json

    command = [sys.executable, "-P", "-c", GRAPH, str(ROOT / ".typing")]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def node(module, packages):
    """A module that stands in a part itself, else the package that holds it."""
    package = module if module in packages else module.rpartition(".")[0]
    return module if package.count(".") < 2 else package


def test_no_packages_import_each_other(graph):
    packages = set(graph["packages"])
    edges = {}
    for module, imported in graph["imports"].items():
        here = node(module, packages)
        edges.setdefault(here, set()).update(node(one, packages) for one in imported)
    for here, targets in edges.items():
        targets.discard(here)
    assert len(edges) > 50
    try:
        list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        pytest.fail(f"packages import each other: {' -> '.join(error.args[1])}")


def test_no_part_imports_the_face(graph):
    facing = [module for module, imported in graph["imports"].items() if "recon" in imported]
    assert facing == []
