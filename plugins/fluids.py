"""Names of phases through which something flows or diffuses."""

FLUIDS = ("pore", "pores", "void", "voids", "electrolyte")
"""In lower case; such a phase is chosen when nothing is asked for."""
