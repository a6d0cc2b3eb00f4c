"""Every statistic, in one list: a new one is a file here and a line below (docs/metrics.md shows one).

Events of a partition -> batch.py gives them to the folds of their topic -> fence.lua adds them up in Redis.
"""

from dashboards.folds import (
    bots,
    campaigns,
    categories,
    changes,
    countries,
    devices,
    empty_searches,
    events,
    funnel,
    orders,
    pairs,
    paths,
    products,
    referrers,
    refunds,
    revenue,
    searches,
    sessions,
    slices,
    stock,
    visitors,
)
from dashboards.folds.base import AnyFold

FOLDS: list[AnyFold] = [
    *events.FOLDS,
    *bots.FOLDS,
    *products.FOLDS,
    *categories.FOLDS,
    *visitors.FOLDS,
    *sessions.FOLDS,
    *funnel.FOLDS,
    *orders.FOLDS,
    *revenue.FOLDS,
    *refunds.FOLDS,
    *changes.FOLDS,
    *stock.FOLDS,
    *pairs.FOLDS,
    *referrers.FOLDS,
    *campaigns.FOLDS,
    *devices.FOLDS,
    *countries.FOLDS,
    *searches.FOLDS,
    *empty_searches.FOLDS,
    *paths.FOLDS,
    *slices.FOLDS,
]
