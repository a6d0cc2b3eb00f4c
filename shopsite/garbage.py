"""Have Python's garbage collector look seldom. Commands that run for long -> here, once, before they begin.

What stands when a process has started (Django, its models, the libraries) never goes away, yet each full
collection walks it all, and a batch of 500 orders sets off several. Almost everything that does go away
goes by its reference count. A worker's CPU an order fell by a seventh: benchmarks/orders.py. In a web process
with 2,000 viewers each of them held up all frames for 0.1 to 0.2 s: benchmarks/fanout.py.
"""

import gc
from typing import Final

YOUNG: Final = 50_000  # objects made and not gone, before the youngest are looked at; Python's own: 700


def collect_seldom() -> None:
    """Leave alone what stands now, and look at newer objects more seldom. For this process and its forks."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
