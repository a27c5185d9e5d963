"""One file per resource: what we take of it, field by field. Nothing else is read."""
