"""What the operator says about a console."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ConsoleSettings"]


class ConsoleSettings(BaseModel):
    """Settings of a console (`type = "console"`).

    reveal: show codes, numbers and addresses whole. stream: where to print.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    reveal: bool = Field(default=False, description="show codes, numbers and addresses whole")
    # Standard output belongs to the program: what `notifyhub send --json` prints there, or what an
    # application pipes on, must not have messages in between.
    stream: Literal["stderr", "stdout"] = Field(default="stderr", description="where to print")
