"""`notifyhub ledger`: the deliveries that are kept, and the tables they are kept in. One command a file."""

__all__: list[str] = []
