"""Classifier two-sample test: can slices of a volume be told from slices of its material?"""
