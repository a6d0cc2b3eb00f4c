"""Rates and times as the pipeline page writes them."""


def per_second(rate: float | None) -> str:
    """A rate as it is written: 0.2, 14, 1,204."""
    if rate is None:
        return "–"
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"


def span(seconds: float) -> str:
    """A time as it is written: 40 ms, 1.5 s, 12 s, 3 min, 2 h 05, 4 d 3 h."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if minutes < 1:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02d}" if days < 1 else f"{days} d {hours % 24} h"
