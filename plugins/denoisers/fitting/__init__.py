"""What trainings of the slices and of the 3D network share."""
