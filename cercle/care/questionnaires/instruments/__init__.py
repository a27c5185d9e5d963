"""Assessment instruments: one file each, `score(profile) -> Result`, and the registry that vouches for them.

Sources, certainty and what is still to be confirmed: docs/instruments.md.
"""
