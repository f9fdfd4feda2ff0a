"""`notifyhub privacy`: what is told or erased when a person asks. One command a file."""

__all__: list[str] = []
