"""A sparkline as SVG text: bars per hour, drawn on the server, coloured by the page's style sheet."""

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT, GAP = 168, 30, 2


def sparkline(values: Sequence[int], label: str) -> Markup:
    """Bars for ``values``, oldest first; the tallest is the largest value. The title says the figures to a reader."""
    most = max(values, default=0)
    step = WIDTH / max(len(values), 1)
    bars = [_bar(number, value, most, step) for number, value in enumerate(values)]
    title = Markup("<title>{}: {}</title>").format(label, ", ".join(map(str, values)))
    frame = Markup('<svg class="spark" viewBox="0 0 {} {}" role="img" preserveAspectRatio="none">').format(
        WIDTH, HEIGHT
    )
    base = Markup('<path class="rail" d="M0 {0}H{1}"/>').format(HEIGHT - 0.5, WIDTH)
    return frame + title + Markup("").join(bars) + base + Markup("</svg>")


def _bar(number: int, value: int, most: int, step: float) -> Markup:
    if not value:
        return Markup("")
    height = max(2.0, (HEIGHT - 2) * value / most)
    shape = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1"/>')
    return shape.format(number * step, HEIGHT - 1 - height, step - GAP, height)
