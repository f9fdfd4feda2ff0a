"""Report: the numbers of runs side by side, and what they are held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.campaigns.audit import Audit


@dataclass(slots=True)
class Run:
    """One column: its title, its numbers by name, and each broken promise in a line."""

    title: str
    numbers: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def add(self, numbers: Mapping[str, object]) -> None:
        """More numbers."""
        self.numbers.update({name: str(number) for name, number in numbers.items()})

    def judge(self, audit: Audit) -> None:
        """What an audit found."""
        self.add(audit.numbers)
        self.add({f"status {status}": count for status, count in sorted(audit.statuses.items())})
        self.broken += audit.broken

    def hold(self, name: str, figure: str, held: bool) -> None:
        """A number that is a promise."""
        self.numbers[name] = figure
        if not held:
            self.broken.append(f"{name}: {figure}")


def show(runs: Sequence[Run], *, most: int = 10) -> int:
    """Print the runs as columns, then what was broken, `most` cases of each; returns the exit status."""
    names = list(dict.fromkeys(name for run in runs for name in run.numbers))
    widths = [max(len(run.title), *(len(run.numbers.get(name, "")) for name in names)) for run in runs]
    first = max(len(name) for name in names)
    print(
        "\n" + " " * first,
        *(f"{run.title:>{width}}" for run, width in zip(runs, widths, strict=True)),
        sep="  ",
    )
    for name in names:
        cells = (f"{run.numbers.get(name, ''):>{width}}" for run, width in zip(runs, widths, strict=True))
        print(f"{name:<{first}}", *cells, sep="  ")
    for run in runs:
        print(f"\n{run.title}: {'every promise held' if not run.broken else 'BROKEN'}")
        for case in run.broken[:most]:
            print(f"  {case}")
        if len(run.broken) > most:
            print(f"  and {len(run.broken) - most} more")
    return 1 if any(run.broken for run in runs) else 0
