"""What a browser says of itself, as words of a click. storefront/clicks.py, collect.py -> here."""

from functools import lru_cache

from crawlerdetect import CrawlerDetect


def device(agent: str) -> str:
    """phone, tablet or desktop, by the words that browsers put into their name for this purpose."""
    if "iPad" in agent or "Tablet" in agent or ("Android" in agent and "Mobi" not in agent):
        return "tablet"
    return "phone" if "Mobi" in agent else "desktop"


@lru_cache(maxsize=4096)  # a browser's name comes with its every page; looking it up costs 0.1 ms and more
def is_bot(agent: str) -> bool:
    """Whether the browser says of itself that it is none; one without a name is none either."""
    return not agent.strip() or CrawlerDetect(user_agent=agent).is_crawler()
