"""What `recon run --dry-run` prints."""

from recon.core.data.micrographs import Micrographs
from recon.core.job import check_planes, resolve
from recon.core.recipe import Recipe
from recon.core.storage.budget import format_memory
from recon.validation.representativity import measure_representativity
from recon.workflow.planning.plan import Plan
from recon.workflow.planning.training import fit_for_a_moment, time_training
from recon.workflow.progress import format_duration
from recon.workflow.run import check_recipe


def format_plan(recipe: Recipe, limit: int | None) -> str:
    """Passes, arithmetic, memory, time and disk of a run, a line each.

    limit  bytes of memory to keep within
    """
    training, denoiser = None, None
    if recipe.weights is None and recipe.micrographs is not None:
        micrographs = Micrographs.open(recipe.micrographs)
        check_planes("micrographs show", micrographs.planes)
        check_recipe(recipe, len(micrographs.phases))
        training = time_training(recipe, micrographs)
        denoiser = fit_for_a_moment(recipe, micrographs)
    plan = Plan.of(resolve(recipe, denoiser), limit)
    samples, shape = recipe.samples, " x ".join(map(str, recipe.shape))
    each = " a sample" if samples > 1 else ""
    if plan.flop is None:
        arithmetic = "unknown: the denoiser does not run without values"
    else:
        arithmetic = f"{plan.flop / 1e12:.3g} TFLOP in the network{each}"
    split = "whole in memory"
    if plan.thickness is not None:
        split = f"in slabs of {plan.thickness} planes on disk"
    memory = plan.memory.whole if plan.thickness is None else plan.memory.slabs[plan.thickness]
    scratch = f", {format_memory(plan.scratch)} while it runs" if plan.scratch else ""
    lines = {}
    if recipe.micrographs is not None:
        micrographs = Micrographs.open(recipe.micrographs)
        lines["size"] = measure_representativity(micrographs, recipe.shape).to_text()
    if training is not None:
        lines["training"] = f"about {format_duration(training)}, at the speed of a few steps now"
    lines |= {
        "volume": f"{shape} voxels, {samples} sample{'s' if samples > 1 else ''}",
        "passes": f"{plan.passes.total} of the network{each}, in {plan.steps} steps",
        "arithmetic": arithmetic,
        "memory": f"about {format_memory(memory)}, the volume {split}",
        "time": f"about {format_duration(plan.seconds * samples)} for sampling, at the speed of "
        "just now; measuring and the report come after it",
        "disk": f"at most {format_memory(plan.disk * samples)}{scratch}",
    }
    return "\n".join(f"{name:<12}{line}" for name, line in lines.items())
