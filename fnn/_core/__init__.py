"""Internal: what any module may use."""
