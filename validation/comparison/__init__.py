"""A volume beside real pieces of the material: errors, floor, spread and verdict."""
