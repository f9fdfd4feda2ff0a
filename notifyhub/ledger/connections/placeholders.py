"""Placeholders: our `?` in the words of each driver.

Our statements hold no `?` but placeholders: not in a literal, a comment or as PostgreSQL's operator.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["translated"]


@lru_cache(maxsize=512)
def translated(sql: str, style: str) -> str:
    """The statement with placeholders in a style, named as in DB-API (PEP 249) and SQLAlchemy.

    `qmark`: as it is. `numeric_dollar`: `$1`, `$2`, … `format`, `pyformat`: `%s`, and `%` doubled as
    drivers then want it. Raises ValueError for another style.
    """
    if style == "qmark":
        return sql
    if style == "numeric_dollar":
        first, *rest = sql.split("?")
        return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))
    if style in {"format", "pyformat"}:
        # Without a parameter these drivers take the statement as it is, `%` included.
        return sql.replace("%", "%%").replace("?", "%s") if "?" in sql else sql
    raise ValueError(f"no placeholders of the style {style!r}")
