"""A run for every combination of settings, with a table and a figure."""
