"""`notifyhub check`: everything that is set up, looked at, with a remedy for each thing found."""

__all__: list[str] = []
