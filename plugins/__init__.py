"""The built-in plugins: the index of what is shipped."""

from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.hooks import hookimpl

if TYPE_CHECKING:
    from recon.core.kinds import (
        Denoiser,
        Exporter,
        Harmonizer,
        Metric,
        Property,
        Reader,
        Refiner,
        Schedule,
    )

INDEX = Path(__file__).with_name("index.json")
"""What the hooks return, listed so that nothing need be imported; `python -m recon.plugins.index`
writes it."""


@hookimpl
def recon_denoisers() -> "list[type[Denoiser]]":
    from recon.plugins.denoisers.gaussian import Gaussian
    from recon.plugins.denoisers.unet_ddpm import UnetDdpm

    return [UnetDdpm, Gaussian]


@hookimpl
def recon_schedules() -> "list[type[Schedule]]":
    from recon.plugins.schedules.cyclic import Cyclic
    from recon.plugins.schedules.random import Random
    from recon.plugins.schedules.simultaneous import Simultaneous

    return [Cyclic, Random, Simultaneous]


@hookimpl
def recon_harmonizers() -> "list[type[Harmonizer]]":
    from recon.plugins.harmonizers.gamma_blend import GammaBlend
    from recon.plugins.harmonizers.none import Nothing
    from recon.plugins.harmonizers.spectral import Spectral

    return [GammaBlend, Spectral, Nothing]


@hookimpl
def recon_refiners() -> "list[type[Refiner]]":
    from recon.plugins.refiners.islands import Islands
    from recon.plugins.refiners.patterns import Patterns
    from recon.plugins.refiners.stretch import Stretch
    from recon.plugins.refiners.target_diffusivity import TargetDiffusivity

    return [Islands, Patterns, Stretch, TargetDiffusivity]


@hookimpl
def recon_metrics() -> "list[type[Metric]]":
    from recon.plugins.metrics.bent_chord import BentChord
    from recon.plugins.metrics.chord_length import ChordLength
    from recon.plugins.metrics.components import Components
    from recon.plugins.metrics.contact import Contact
    from recon.plugins.metrics.interface_area import InterfaceArea
    from recon.plugins.metrics.lineal_path import LinealPath
    from recon.plugins.metrics.local_percolation import LocalPercolation
    from recon.plugins.metrics.local_thickness import LocalThickness
    from recon.plugins.metrics.minkowski import Minkowski
    from recon.plugins.metrics.orientation_tensor import OrientationTensor
    from recon.plugins.metrics.percolation import Percolation
    from recon.plugins.metrics.straight_chord import StraightChord
    from recon.plugins.metrics.surface_density import SurfaceDensity
    from recon.plugins.metrics.triple_phase_boundary import TriplePhaseBoundary
    from recon.plugins.metrics.two_point import TwoPoint
    from recon.plugins.metrics.two_point_cluster import TwoPointCluster
    from recon.plugins.metrics.volume_fraction import VolumeFraction

    return [  # in the order in which they are compared
        TwoPoint,
        LinealPath,
        ChordLength,
        SurfaceDensity,
        VolumeFraction,
        TwoPointCluster,
        Percolation,
        LocalThickness,
        OrientationTensor,
        StraightChord,
        BentChord,
        Minkowski,
        Components,
        Contact,
        LocalPercolation,
        InterfaceArea,
        TriplePhaseBoundary,
    ]


@hookimpl
def recon_properties() -> "list[type[Property]]":
    from recon.plugins.properties.conductivity import Conductivity
    from recon.plugins.properties.diffusivity import Diffusivity
    from recon.plugins.properties.drainage import Drainage
    from recon.plugins.properties.homogenization import Homogenization
    from recon.plugins.properties.permeability import Permeability

    return [Homogenization, Diffusivity, Conductivity, Permeability, Drainage]


@hookimpl
def recon_exporters() -> "list[type[Exporter]]":
    from recon.plugins.exporters.bdf import Bdf
    from recon.plugins.exporters.bpx import Bpx
    from recon.plugins.exporters.foam import Foam
    from recon.plugins.exporters.h5 import H5
    from recon.plugins.exporters.inp import Inp
    from recon.plugins.exporters.msh import Msh
    from recon.plugins.exporters.npy import Npy
    from recon.plugins.exporters.ply import Ply
    from recon.plugins.exporters.raw import Raw
    from recon.plugins.exporters.stl import Stl
    from recon.plugins.exporters.tif import Tif
    from recon.plugins.exporters.vti import Vti
    from recon.plugins.exporters.vtu import Vtu
    from recon.plugins.exporters.xdmf import Xdmf

    return [Tif, Vti, Npy, Inp, Raw, H5, Stl, Ply, Msh, Vtu, Xdmf, Bdf, Foam, Bpx]


@hookimpl
def recon_readers() -> "list[type[Reader]]":
    from recon.plugins.readers.bmp import Bmp
    from recon.plugins.readers.h5 import H5
    from recon.plugins.readers.jpg import Jpg
    from recon.plugins.readers.mhd import Mhd
    from recon.plugins.readers.mrc import Mrc
    from recon.plugins.readers.npy import Npy
    from recon.plugins.readers.nrrd import Nrrd
    from recon.plugins.readers.png import Png
    from recon.plugins.readers.raw import Raw
    from recon.plugins.readers.tif import Tif
    from recon.plugins.readers.vti import Vti
    from recon.plugins.readers.zarr import Zarr
    from recon.plugins.readers.zip import Zip

    return [Png, Tif, Npy, Zarr, Zip, Jpg, Bmp, Mhd, Raw, Mrc, Nrrd, H5, Vti]
