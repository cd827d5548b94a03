"""Connected parts and local directions of a phase: what metrics and properties both look at."""
