"""Internal: calls of machine code."""
