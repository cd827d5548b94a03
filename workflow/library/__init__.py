"""Weights with their cards: what is shipped, in a folder, or listed by an index."""
