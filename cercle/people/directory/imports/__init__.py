"""The national files: read as a stream, a line refused never stops the others, a run cut short goes on where it was."""
