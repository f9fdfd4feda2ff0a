"""The sandbox templates run in: Jinja2's immutable one, with the ways to blow up closed.

Templates are code, and may be edited by people who edit no Python. What they can do is bounded three
ways: each value has a largest size, what multiplies is refused or checked *before* it is computed
(``{{ 'a' * 300000000 }}`` took Jinja2's own sandbox five seconds), and loops, calls and inclusions run
against a limit of processor time. The language is cut down to what words need: a list of filters, of
string methods, `range` as the only function, no containers made of variables.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from markupsafe import Markup, escape

from notifyhub.template.bounds import (
    MAX_VALUE,
    Forbidden,
    bounded,
    bounded_concat,
    join,
    printable,
    replace,
    small_range,
    tojson,
)

__all__ = ["Sandbox"]

_MAX_NUMBER = 10**15
# Steps (loop rounds, calls, filters, inclusions) between two looks at the clock. A small template takes fewer
# and never pays for it.
_STRIDE = 64

_FILTERS = """
    abs capitalize count d default e escape first float forceescape int items join last length list
    lower max min replace reverse select reject sort string title tojson trim truncate unique upper
    urlencode wordcount
""".split()  # noqa: SIM905 - a word list reads better as one
_STRING_METHODS = frozenset(
    """
    capitalize count endswith find isalnum isalpha isascii isdigit isupper islower lower lstrip partition
    removeprefix removesuffix rpartition rstrip split startswith strip title upper
    """.split()  # noqa: SIM905 - a word list reads better as one
)
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
_SEQUENCE_METHODS = frozenset({"count", "index"})


class _Missing(StrictUndefined):
    """StrictUndefined whose message names what the template says and never a value."""

    @property
    def _undefined_message(self) -> str:
        # `obj[name]` has a value for its name; a plain name stands in the template's own source.
        if self._undefined_obj is missing:
            return f"`{self._undefined_name}` is not defined"
        return "an attribute or item does not exist"


class _Generator(CodeGenerator):
    """Refuses what is forbidden; compiles loops that look at the clock and `~` that checks sizes."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja2's naming
        _refuse(node)
        super().visit_Template(node, frame)

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 - Jinja2's naming
        ticking = nodes.EnvironmentAttribute("ticking")
        node.iter = nodes.Call(ticking, [node.iter], [], None, None, lineno=node.lineno)
        node.iter.set_environment(self.environment)
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja2's naming
        self.write("environment.joined(context.eval_ctx.autoescape, (")
        for each in node.nodes:
            self.visit(each, frame)
            self.write(", ")
        self.write("))")


class _Budget(threading.local):
    """What one thread's rendering has used. ends: in seconds of the thread's processor time."""

    def __init__(self) -> None:
        self.steps = 0
        self.look = _STRIDE
        self.ends: float | None = None


class Sandbox(ImmutableSandboxedEnvironment):
    """A Jinja2 environment for notices. One serves any number of threads.

    autoescape: whether values are escaped for HTML; there is no way to switch it off from a template.
    max_seconds: processor time one rendering may take.
    """

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%", "//"})

    def __init__(self, loader: BaseLoader, *, autoescape: bool, max_seconds: float) -> None:
        super().__init__(
            loader=loader,
            autoescape=autoescape,
            undefined=_Missing,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            finalize=printable,
        )
        self.globals = {"range": small_range}
        self.filters = {name: self._guarded(FILTERS[name]) for name in _FILTERS}
        for name, function in (("join", join), ("replace", replace), ("tojson", tojson)):
            self.filters[name] = self._guarded(function)
        self.max_seconds = max_seconds
        self._budget = _Budget()
        # An instance attribute, because Jinja2's own is a plain function and not a method.
        self.concat = bounded_concat  # type: ignore[method-assign]

    def start(self) -> None:
        """A rendering begins: its processor time counts from here."""
        budget = self._budget
        budget.steps, budget.look, budget.ends = 0, _STRIDE, None

    def tick(self, weight: int = 1) -> None:
        """One step of a rendering, or several. Raises Forbidden when its time is used up."""
        budget = self._budget
        budget.steps += weight
        if budget.steps >= budget.look:
            budget.look = budget.steps + _STRIDE
            # Time of this thread, so that a busy machine does not refuse a good template. The clock
            # starts with the first look at it: what comes before is bounded by the sizes.
            now = time.thread_time()
            if budget.ends is None:
                budget.ends = now + self.max_seconds
            elif now > budget.ends:
                raise Forbidden(f"takes longer than {self.max_seconds:g} s")

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose call is a step, heavier for large values, and whose result has a largest size."""

        # wraps() also carries over the mark by which Jinja2 passes the context.
        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            self.tick(1 + sum(len(each) for each in args if isinstance(each, (str, list, tuple))) // 1024)
            return bounded(function(*args, **kwargs))

        return guarded

    def ticking(self, items: Iterable[Any]) -> Iterator[Any]:
        """What a loop runs over, each item a step."""
        for item in items:
            self.tick()
            yield item

    def joined(self, autoescape: bool, parts: tuple[Any, ...]) -> str:
        """What `a ~ b` compiles to."""
        if autoescape:
            return Markup(bounded_concat(escape(printable(part)) for part in parts))  # noqa: S704 - escaped
        return bounded_concat(str(printable(part)) for part in parts)

    def get_template(self, *args: Any, **kwargs: Any) -> Template:
        """As Jinja2's; an inclusion is a step."""
        self.tick()
        return super().get_template(*args, **kwargs)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call a function from a template; a call is a step."""
        __self.tick()
        return bounded(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic whose result can be far larger than its operands."""
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if numbers and operator != "**" and max(abs(left), abs(right)) <= _MAX_NUMBER:
            return super().call_binop(context, operator, left, right)
        if operator == "+" and type(left) is type(right) and isinstance(left, (str, list, tuple)):
            if len(left) + len(right) > MAX_VALUE:
                raise Forbidden("makes a value that is too large")
            return super().call_binop(context, operator, left, right)
        raise Forbidden(f"uses `{operator}` on something else than small numbers")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Strings and containers have a list of methods; other objects follow Jinja2's rules."""
        match obj:
            case str():
                return attr in _STRING_METHODS
            case Mapping():
                return attr in _MAPPING_METHODS
            case list() | tuple() | range():
                return attr in _SEQUENCE_METHODS
            case int() | float() | bytes() | bytearray():
                return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """`'{:>1000000000}'.format(1)`: refused like any method that is not listed."""


def _refuse(tree: nodes.Template) -> None:
    """Refuse, by line, what would switch escaping off or build values out of themselves."""
    for node in tree.find_all(nodes.Node):
        match node:
            case nodes.ScopedEvalContextModifier() | nodes.EvalContextModifier():
                raise Forbidden(f"line {node.lineno}: switches autoescape")
            case nodes.Extends() if not isinstance(node.template, nodes.Const):
                raise Forbidden(f"line {node.lineno}: extends a template whose name is not written out")
            case nodes.List() | nodes.Dict() | nodes.Tuple() if not _is_literal(node):
                # [a, a] of [b, b] of [c, c] …: thirty lines of it hold a thousand million items.
                raise Forbidden(f"line {node.lineno}: makes a list or mapping of variables")
            case nodes.Name(name="varargs" | "kwargs"):
                raise Forbidden(f"line {node.lineno}: uses `{node.name}`")


def _is_literal(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Tuple) and node.ctx == "store":  # `for key, value in …`
        return True
    return all(
        isinstance(child, (nodes.Const, nodes.List, nodes.Dict, nodes.Pair, nodes.Tuple, nodes.Neg))
        for child in node.iter_child_nodes()
    )
