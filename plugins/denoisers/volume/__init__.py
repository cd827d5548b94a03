"""A 3D network that estimates whole volumes while shapes are decided."""
