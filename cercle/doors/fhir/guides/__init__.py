"""One file per national guide: which resources, in which order, end in which verbs."""
