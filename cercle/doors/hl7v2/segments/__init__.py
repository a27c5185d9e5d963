"""One file a segment: its fields, read into what our verbs take. What is absent is "" or None; nothing is decided here."""
