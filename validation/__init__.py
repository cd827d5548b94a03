"""How far a volume is to be trusted: errors beside sampling errors, verdict, report."""
