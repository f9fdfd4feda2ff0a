"""Plot: curves over seconds as an SVG picture that can be read on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT = 820, 56, 20
TOP, HEIGHT = 64, 220
"""The upper panel: where it begins, and how high it is, pixels."""
LOWER_TOP, LOWER_HEIGHT = 336, 60
TOTAL = 440
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .axis { stroke: #6e7781; stroke-width: 1; fill: none }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .band { fill: #f7d9b5; fill-opacity: 0.55 }
  .curve { fill: none; stroke-width: 2.25; stroke-linejoin: round }
  .first { stroke: #0969da } text.first { stroke: none; fill: #0969da }
  .second { stroke: #8250df; stroke-dasharray: 6 3 } text.second { stroke: none; fill: #8250df }
  .bar { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .axis { stroke: #8b949e } .grid { stroke: #30363d }
    .band { fill: #7a4a10 }
    .first { stroke: #58a6ff } text.first { fill: #58a6ff }
    .second { stroke: #d2a8ff } text.second { fill: #d2a8ff }
    .bar { fill: #ff7b72 }
  }
"""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: a value for each second, 0 to 100. look: `first` or `second`, its class in the style."""

    name: str
    values: Sequence[float]
    look: str


def draw(
    title: str,
    label: str,
    curves: Sequence[Curve],
    *,
    band: tuple[float, float, str],
    bars: tuple[str, Sequence[int]],
) -> str:
    """The picture. label: of the curves' axis. band: from and to which second, and what it was. bars: what is
    counted below, second by second.
    """
    seconds = len(curves[0].values)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOTAL}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
        *_band(band, seconds),
        *_grid(seconds),
        f'<text x="{LEFT}" y="{TOP - 10}">{escape(label)}</text>',
        *_curves(curves),
        *_bars(*bars),
        f'<text x="{WIDTH - RIGHT}" y="{TOTAL - 8}" text-anchor="end">seconds</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(second: float, seconds: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * second / seconds, 1)


def _y(percent: float) -> float:
    return round(TOP + HEIGHT * (1 - percent / 100), 1)


def _band(band: tuple[float, float, str], seconds: int) -> Iterator[str]:
    left, right = _x(band[0], seconds), _x(band[1], seconds)
    bottom = LOWER_TOP + LOWER_HEIGHT
    yield f'<rect class="band" x="{left}" y="{TOP}" width="{right - left:.1f}" height="{bottom - TOP}"/>'
    middle, y = (left + right) / 2, TOP + round(HEIGHT * 0.4)
    yield f'<text x="{middle:.1f}" y="{y}" text-anchor="middle">{escape(band[2])}</text>'


def _grid(seconds: int) -> Iterator[str]:
    for percent in range(0, 101, 25):
        y = _y(percent)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{percent}</text>'
    bottom = LOWER_TOP + LOWER_HEIGHT
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
    step = next(step for step in (1, 2, 5, 10, 15, 30, 60, 300) if seconds / step <= 14)
    for second in range(0, seconds + 1, step):
        x = _x(second, seconds)
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{second}</text>'


def _curves(curves: Sequence[Curve]) -> Iterator[str]:
    for place, curve in enumerate(curves):
        seconds = len(curve.values)
        points = " ".join(f"{_x(s + 0.5, seconds)},{_y(value)}" for s, value in enumerate(curve.values))
        yield f'<polyline class="curve {curve.look}" points="{points}"/>'
        x = WIDTH - RIGHT - 70 * (len(curves) - place)
        yield f'<line class="curve {curve.look}" x1="{x}" x2="{x + 22}" y1="20" y2="20"/>'
        yield f'<text class="{curve.look}" x="{x + 26}" y="24">{escape(curve.name)}</text>'


def _bars(name: str, counts: Sequence[int]) -> Iterator[str]:
    highest = max([*counts, 1])
    bottom = LOWER_TOP + LOWER_HEIGHT
    yield f'<text x="{LEFT}" y="{LOWER_TOP - 12}">{escape(name)}</text>'
    yield f'<text x="{LEFT - 8}" y="{LOWER_TOP + 10}" text-anchor="end">{highest}</text>'
    width = (WIDTH - LEFT - RIGHT) / len(counts)
    for second, count in enumerate(counts):
        if count:
            height = round(LOWER_HEIGHT * count / highest, 1)
            x = _x(second, len(counts))
            yield (
                f'<rect class="bar" x="{x}" y="{bottom - height:.1f}" width="{width * 0.8:.1f}" '
                f'height="{height}"/>'
            )
