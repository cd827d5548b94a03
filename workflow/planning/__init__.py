"""What a run will cost, and how its volume is split to keep within a memory."""
