"""`notifyhub suppress`: those to whom nothing goes, or nothing of some kinds. One command a file."""

__all__: list[str] = []
