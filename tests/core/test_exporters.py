"""export(): which exporter writes a file, with which options, whole or not at all."""

import numpy as np
import pytest

from recon.core import ReconError, Volume
from recon.core.exporters import export, find_exporter

EXPORTER = """
import attrs
from recon.core import Exporter, hookimpl, option

@attrs.frozen
class Foreign(Exporter):
    '''A format of its own.'''
    name = "foreign"
    suffixes = {suffixes}
    unit: str = option("mm", "Unit.")
    depth: int = option(1, "Depth.", min=0)
    def list_outputs(self, volume, path):
        return path, path.with_suffix(".head")
    def write(self, volume, path):
        self.report(1, 2)
        path.write_text(f"{{self.unit}} {{self.depth}}")
        {rest}

@hookimpl
def recon_exporters():
    return [Foreign]
"""
HEAD = "path.with_suffix('.head').write_text('head')"


@pytest.fixture
def volume():
    return Volume(np.random.default_rng(2).integers(0, 2, (5, 6, 7)), (5e-7, 4e-7, 2e-7))


@pytest.fixture
def foreign(installed, tmp_path):
    """A function that installs an exporter; beside it, an empty folder for outputs."""

    def install(suffixes=(".own", ".own.tif"), rest=HEAD):
        installed("recon-foreign", EXPORTER.format(suffixes=suffixes, rest=rest))
        folder = tmp_path / "out"
        folder.mkdir()
        return folder

    return install


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_foreign_format_is_written_by_its_suffix_the_longest_that_fits(foreign, volume):
    folder = foreign()
    assert find_exporter(folder / "a.own.tif").package == "recon-foreign"
    assert find_exporter(folder / "A.TIF").package == "microrecon"
    done = []
    files = export(volume, folder / "a.own", progress=lambda *step: done.append(step), depth=3)
    assert [file.name for file in files] == names(folder)[::-1] == ["a.own", "a.head"]
    assert files[0].read_text() == "mm 3"
    assert done == [(str(folder / "a.own"), *step) for step in ((0, 1), (1, 2), (1, 1))]


def test_an_option_goes_to_every_exporter_that_has_it_or_to_the_one_that_is_named(foreign, volume):
    folder = foreign()
    outputs = (folder / "a.own", str(folder / "b.vti"), folder / "c.npy")
    export(volume, *outputs, unit="um", foreign={"depth": 2, "unit": "nm"})
    assert (folder / "a.own").read_text() == "nm 2"
    assert 'Spacing="0.2 0.4 0.5"' in (folder / "b.vti").read_text()


@pytest.mark.parametrize(
    ("outputs", "options", "message"),
    [
        (["a.xyz"], {}, r"output .*a.xyz: unknown format '.xyz'; known: .*.own, .own.tif, .h5"),
        (["a"], {}, "output .*a must have a suffix that names its format; known: .*.own"),
        (["a.npy", "x/../a.npy"], {}, "two outputs are named .*a.npy"),
        (["nowhere/a.npy"], {}, "nowhere is no folder; make it first"),
        (["a.tif", "taken.head"], {}, "unknown format '.head'"),
        (["a.tif", "taken.own"], {}, "taken.head exists already"),
        (
            ["a.npy"],
            {"unit": "um"},
            "unit= is for .*.own, .own.tif, .h5, .inp",
        ),
        (["a.npy"], {"untis": "um"}, "unknown option of exporters 'untis'; did you mean 'unit'"),
        (
            ["a.vti"],
            {"unit": "inch"},
            "unit must be one of m, mm, um, nm, got 'inch'",
        ),
        (["a.npy"], {"inp": {"element": "C3D8"}}, "unknown exporter among the outputs 'inp'"),
        (["a.own"], {"foreign": {"deep": 1}}, "unknown option of exporter foreign 'deep'"),
    ],
)
def test_refuses_before_anything_is_written(foreign, volume, outputs, options, message):
    folder = foreign()
    (folder / "taken.head").write_text("mine")
    with pytest.raises(ReconError, match=message):
        export(volume, *(folder / output for output in outputs), **options)
    assert names(folder) == ["taken.head"]


def test_two_packages_with_one_suffix_are_named(foreign, volume):
    folder = foreign(suffixes=(".vti",))
    with pytest.raises(ReconError) as caught:
        export(volume, folder / "a.vti")
    assert str(caught.value) == (
        "two plugins of kind exporter for a.vti: foreign of recon-foreign and vti of "
        "microrecon; uninstall one or set RECON_DISABLED_PLUGINS"
    )
    export(volume, folder / "a.npy")


@pytest.mark.parametrize(
    ("rest", "error", "message"),
    [
        ("raise OSError(28, 'No space left on device')", ReconError, "No space left on device"),
        ("1 / 0", ZeroDivisionError, "division"),
        ("pass", ReconError, "must write what it lists, a.head, a.own, got a.own; tell its author"),
    ],
)
def test_a_failure_leaves_nothing_behind(foreign, volume, rest, error, message):
    folder = foreign(rest=rest)
    with pytest.raises(error, match=message):
        export(volume, folder / "a.npy", folder / "a.own")
    assert names(folder) == ["a.npy"]
