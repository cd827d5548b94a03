"""Classifier two-sample test: are slices of a volume distinguishable from its material's?"""
