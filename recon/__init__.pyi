from .core.data.micrographs import Micrographs as Micrographs
from .core.data.volume import Volume as Volume
from .core.exporters import export as export
from .core.recipe import Recipe as Recipe
from .imaging.load import load_images as load_images
from .workflow.assess import compare as compare
from .workflow.assess import measure as measure
from .workflow.assess import report as report
from .workflow.examples import example as example
from .workflow.model import Model as Model
from .workflow.model import train as train
from .workflow.reconstruct import reconstruct as reconstruct
from .workflow.register import register as register

__version__: str
