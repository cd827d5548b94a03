"""File formats that volumes are written to: one a file, by suffix."""
