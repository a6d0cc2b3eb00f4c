"""How often the live page gets a frame. hub.py -> here.

Each frame costs the server some CPU a viewer, in the loop that also serves the shop's pages, so many viewers
get fewer frames: what they miss is merged.
"""

FRAME_S = 0.1  # at 0.05 both sides of two full cores came later: p50 of a number 164 ms, not 100 (screen.py)
SEND_S = 40e-6  # CPU of a frame to one viewer: benchmarks/fanout.py
SHARE = 0.35  # of the loop that sending may take: ten a second to 870 viewers, four to 2,000
SAVED_S = 1.0  # after a quiet time so many seconds' share may be spent at once


class Pace:
    """When the next frame may be made."""

    def __init__(self) -> None:
        self._paid_until = 0.0

    def wait(self, now: float, *, took: float, viewers: int) -> float:
        """Seconds to wait after a frame. now: monotonic; took: seconds that the frame took to make."""
        self._paid_until = max(self._paid_until, now - SAVED_S) + viewers * SEND_S / SHARE
        return max(FRAME_S - took, self._paid_until - now, 0.0)
