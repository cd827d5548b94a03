"""What an exporter or reader must keep."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from recon.core.kinds import Exporter, Reader
from recon.core.readers import check_image
from recon.core.testing.strategies import sample_volume


def check_exporter(exporter: Exporter) -> None:
    _check_suffixes(exporter)
    volume = sample_volume()
    with TemporaryDirectory() as folder:
        for number in range(2):
            path = Path(folder, str(number)) / f"a{exporter.suffixes[0]}"
            path.parent.mkdir()
            outputs = exporter.list_outputs(volume, path)
            assert {file.parent for file in outputs} == {path.parent}, "outputs must be in a folder"
            assert not any(path.parent.iterdir()), "list_outputs must not write"
            exporter.write(volume, path)
            written = set(path.parent.iterdir())
            assert written == set(outputs), "write must make the files that list_outputs tells"
            assert all(file.stat().st_size for file in written), "files must not be empty"
    assert np.array_equal(volume.labels, sample_volume().labels), "write must not change the volume"


def check_reader(reader: Reader, sample: Path | None = None) -> None:
    _check_suffixes(reader)
    assert all(isinstance(first, bytes) and first for first in reader.signatures)
    if sample is None:
        return
    image, again = (check_image(reader.read(sample)) for _ in range(2))
    assert image.path == sample, "path must be the one that was read"
    assert len(image.slices) == len(again.slices) > 0
    assert all(np.array_equal(a, b) for a, b in zip(image.slices, again.slices, strict=True))


def _check_suffixes(plugin: Exporter | Reader) -> None:
    assert plugin.suffixes, "suffixes must not be empty"
    for suffix in plugin.suffixes:
        assert suffix.startswith(".") and suffix == suffix.lower(), "suffixes must be like '.vti'"
