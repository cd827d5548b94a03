"""Is a volume a copy of the micrographs it was learned from?"""
