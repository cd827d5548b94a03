"""Noise, random numbers, fields and anchors: what a sampler is made of."""
