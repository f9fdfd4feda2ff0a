"""What the SQL ledgers share: scripts written once, and the tables they are about."""

__all__: list[str] = []
