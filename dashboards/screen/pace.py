"""How often the live page gets a frame. hub.py -> here.

Each frame costs the server some CPU to make, and some a viewer to send, in the loop that also serves the
shop's pages. Where both are little there are twenty a second; where either grows fewer, and what is missed is
merged.
"""

FASTEST_S = 0.05  # half of what a number waits for its frame
FRAME_S = 0.1  # what dear frames are slowed down to
# Of the loop that making more than ten a second may take, by the clock on the wall, which tells of full
# cores, too: at twenty both sides of two full ones came later, p50 of a number 164 ms, not 100 (screen.py)
MAKE_SHARE = 0.25
SOON = 0.1  # what the last frame weighs beside those before it: one that draws lists says nothing of the next
SEND_S = 40e-6  # CPU of a frame to one viewer: benchmarks/fanout.py
SHARE = 0.35  # of the loop that sending may take: twenty a second to 437 viewers, ten to 875, four to 2,000
SAVED_S = 1.0  # after a quiet time so many seconds' share may be spent at once


class Pace:
    """When the next frame may be made."""

    def __init__(self) -> None:
        self._paid_until = 0.0
        # seconds to make a frame, of late: ten a second until more is known
        self._takes = FRAME_S * MAKE_SHARE

    def wait(self, now: float, *, took: float, viewers: int) -> float:
        """Seconds to wait after a frame. now: monotonic; took: seconds that the frame took to make."""
        self._takes += (took - self._takes) * SOON
        sending = viewers * SEND_S / SHARE
        self._paid_until = max(self._paid_until, now - SAVED_S) + sending
        every = min(FRAME_S, max(FASTEST_S, self._takes / MAKE_SHARE, sending))
        return max(every - took, self._paid_until - now, 0.0)
