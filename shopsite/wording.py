"""How figures are written wherever they stand: one way each. Pages, admin, API -> here."""


def span_text(minutes: float) -> str:
    """`45 min`, `6 h`, `12 days`, in the largest unit that says enough."""
    if minutes < 90:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:,.0f} days"


def sell_out_text(minutes_left: float | None, soonest: float | None, latest: float | None) -> str:
    """`sold out`, `not in sight`, `5 h (3 h to 9 h)`: the estimate with its interval."""
    if minutes_left is None:
        return "not in sight"
    if minutes_left <= 0:
        return "sold out"
    end = "never" if latest is None else span_text(latest)
    return f"{span_text(minutes_left)} ({span_text(soonest or 0)} to {end})"
