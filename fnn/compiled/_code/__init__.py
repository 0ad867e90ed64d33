"""Internal: what becomes machine code."""
