"""Bundled weights, one safetensors file per example."""
