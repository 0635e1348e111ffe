"""Reports: what the leads of a period have in common. One report a file; each says what it costs."""
