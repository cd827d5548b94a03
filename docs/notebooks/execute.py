"""Executes the notebooks beside this file and keeps their outputs in them.

python docs/notebooks/execute.py [NAME...]

Needs the extra `docs`. Run it when a notebook or what it calls has changed. Nothing is kept that
differs from one execution to the next without need: no times, no versions, no paths.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def execute(path: Path) -> None:
    """One notebook, in a folder of its own."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=1800, record_timing=False, resources={"metadata": {"path": folder}}
        )
        client.execute()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":  # progress goes to stderr, with times
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(file.stem for file in HERE.glob("*.ipynb")):
        print(name)
        execute(HERE / f"{name}.ipynb")
