"""Plots as SVG, written out: they need no library and no script, and take their colours from the page's style."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

__all__ = ["bars", "columns", "dots", "lines"]

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 30, 46
_ROW, _THIN_ROW, _FEW = 26, 15, 8
_COLOURS = 8
"""How many colours the style has; series beyond them begin again."""

Points = Sequence[tuple[float, float]]


def bars(title: str, rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """One bar a row, laid end to end of its parts: {row: {part: length}}."""
    parts = list(dict.fromkeys(part for row in rows.values() for part in row))
    most = max((sum(row.values()) for row in rows.values()), default=1.0) or 1.0
    row_height = _ROW if len(rows) <= _FEW else _THIN_ROW
    left = 16 + 7 * max((len(name) for name in rows), default=0)
    scale = (_WIDTH - left - 110) / most
    body = []
    for number, (name, row) in enumerate(rows.items()):
        y, x = _TOP + 22 + number * row_height, float(left)
        body.append(_text(left - 8, y + row_height / 2 + 1, name, "end"))
        for part, length in row.items():
            colour = parts.index(part) % _COLOURS
            told = escape(f"{name}, {part}: {length:.3g} {unit}")
            size = f'width="{length * scale:.1f}" height="{row_height - 6}"'
            body.append(f'<rect class="f{colour}" x="{x:.1f}" y="{y}" {size}><title>{told}</title></rect>')
            x += length * scale
        body.append(_text(x + 6, y + row_height / 2 + 1, f"{_exact(sum(row.values()))} {unit}", "start"))
    return _svg(title, _TOP + 30 + len(rows) * row_height, [*body, *(_legend(parts) if len(parts) > 1 else [])])


def lines(
    title: str, series: Mapping[str, Points], x_name: str, y_name: str, *, diagonal: bool = False, log_x: bool = False
) -> str:
    """Lines through points, {name: [(x, y), ...]}. `diagonal` draws what should be reached where x is y."""
    frame = _Frame([point for points in series.values() for point in points], log_x=log_x, square=diagonal)
    body = frame.axes(x_name, y_name)
    if diagonal:
        body.append(f'<path class="ideal" d="{frame.path([(0.0, 0.0), (1.0, 1.0)])}"/>')
    for number, points in enumerate(series.values()):
        body.append(f'<path class="l{number % _COLOURS}" d="{frame.path(points)}"/>')
    return _svg(title, _HEIGHT, [*body, *_legend(list(series))])


def columns(title: str, edges: Sequence[float], series: Mapping[str, Sequence[float]], x_name: str, y_name: str) -> str:
    """A histogram: columns between each two of `edges` (n + 1,), {name: heights (n,)}, the series one upon the other.

    Edges that grow by ratios make columns of even width.
    """
    by_ratio = len(edges) > 2 and edges[0] > 0 and abs(edges[2] / edges[1] - edges[1] / edges[0]) < 1e-9
    tops = [sum(heights) for heights in zip(*series.values(), strict=True)] or [1.0]
    frame = _Frame([(edges[0], 0.0), (edges[-1], max(tops))], log_x=by_ratio, square=False, from_first=True)
    body, floor = frame.axes(x_name, y_name), [0.0] * len(tops)
    for number, (name, heights) in enumerate(series.items()):
        for i, height in enumerate(heights):
            if height:
                left, right = frame.x(edges[i]), frame.x(edges[i + 1])
                top, base = frame.y(floor[i] + height), frame.y(floor[i])
                gap = min(1.0, (right - left) / 8)
                told = escape(f"{name}, {edges[i]:g} to {edges[i + 1]:g} {x_name}: {height:,.4g}")
                size = f'width="{right - left - 2 * gap:.1f}" height="{base - top:.1f}"'
                body.append(f'<rect class="f{number % _COLOURS}" x="{left + gap:.1f}" y="{top:.1f}" {size}>'
                            f"<title>{told}</title></rect>")  # fmt: skip
                floor[i] += height
    return _svg(title, _HEIGHT, [*body, *(_legend(list(series)) if len(series) > 1 else [])])


def dots(title: str, points: Mapping[str, tuple[float, float]], x_name: str, y_name: str) -> str:
    """One named dot each."""
    frame = _Frame(list(points.values()), log_x=False, square=False)
    body = frame.axes(x_name, y_name)
    for number, (name, (x, y)) in enumerate(points.items()):
        at_x, at_y = frame.x(x), frame.y(y)
        side, shift = ("end", -10) if at_x > _WIDTH * 0.7 else ("start", 10)
        body.append(f'<circle class="f{number % _COLOURS}" cx="{at_x:.1f}" cy="{at_y:.1f}" r="6"/>')
        # Above and below by turns, for neighbours are often close.
        body.append(_text(at_x + shift, at_y + (18 if number % 2 else -8), name, side))
    return _svg(title, _HEIGHT, body)


class _Frame:
    """Where values lie in a plot, with room around them, and its axes."""

    def __init__(self, points: Points, *, log_x: bool, square: bool, from_first: bool = False) -> None:
        known = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)] or [(1.0, 1.0)]
        self._of: Callable[[float], float] = math.log2 if log_x else float
        self._log = log_x
        xs, ys = [self._of(x) for x, _ in known], [y for _, y in known]
        tight = log_x or from_first
        self._x = (0.0, 1.0) if square else (min(xs), max(xs)) if tight else (0.0, 1.1 * max(xs))
        self._y = (0.0, 1.0 if square else 1.1 * max(max(ys), 1e-9))

    def x(self, value: float) -> float:
        low, high = self._x
        return _LEFT + (self._of(value) - low) / max(high - low, 1e-9) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self._y
        return _HEIGHT - _BOTTOM - (value - low) / max(high - low, 1e-9) * (_HEIGHT - _BOTTOM - _TOP - 22)

    def path(self, points: Points) -> str:
        return " ".join(f"{'L' if i else 'M'}{self.x(x):.1f} {self.y(y):.1f}" for i, (x, y) in enumerate(points))

    def axes(self, x_name: str, y_name: str) -> list[str]:
        """Lines and numbers of both axes."""
        right, floor = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        drawn = []
        for value in _steps(*self._y):
            y = self.y(value)
            drawn.append(f'<path class="grid" d="M{_LEFT} {y:.1f} H{right}"/>')
            drawn.append(_text(_LEFT - 6, y + 4, _short(value), "end"))
        low, high = self._x
        marks = [2.0**k for k in range(math.ceil(low), math.floor(high) + 1)] if self._log else _steps(low, high)
        drawn += [_text(self.x(value), floor + 16, _short(value), "middle") for value in marks]
        drawn.append(_text((_LEFT + right) / 2, _HEIGHT - 10, x_name, "middle"))
        drawn.append(f'<text x="14" y="{floor / 2 + _TOP / 2}" transform="rotate(-90 14 {floor / 2 + _TOP / 2})" '
                     f'text-anchor="middle">{escape(y_name)}</text>')  # fmt: skip
        return drawn


def _steps(low: float, high: float) -> list[float]:
    """Some five round numbers from `low` to `high`."""
    rough = max(high - low, 1e-9) / 5
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(ten * k for k in (1, 2, 5, 10) if ten * k >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def _exact(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _short(value: float) -> str:
    """A number beside an axis: thousands as k, millions as M."""
    for least, size, letter in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / size:.3g}{letter}"
    return f"{value:.4g}" if abs(value) >= 100 else f"{value:.3g}"


def _legend(names: Sequence[str]) -> list[str]:
    drawn, x = [], float(_LEFT)
    for number, name in enumerate(names):
        drawn.append(f'<rect class="f{number % _COLOURS}" x="{x:.0f}" y="{_TOP - 4}" width="12" height="12" rx="2"/>')
        drawn.append(_text(x + 17, _TOP + 6, name, "start"))
        x += 34 + 7 * len(name)
    return drawn


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(title: str, height: int, body: Sequence[str]) -> str:
    head = f'<text class="title" x="8" y="16">{escape(title)}</text>'
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">\n'
        + "\n".join([head, *body])
        + "\n</svg>"
    )
