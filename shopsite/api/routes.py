"""Every address of the API, who answers it, and which scope reads it. dispatch.py -> here -> endpoints.

To add one: write a function in a file of its subject that takes a query struct and the ids of the path
and returns a struct, and add a line here. Its docstring and the fields of both structs are the
documentation: `manage.py openapi` writes it to docs/openapi.json, and a test keeps it true.
"""

from typing import Final

from shopsite.api import figures, orders, series, stock
from shopsite.api.keys import FIGURES, ORDERS, STOCK
from shopsite.api.routing import Route

ROUTES: Final = (
    Route("/answers", figures.answers, figures.AnswersBody, FIGURES, table=True),
    Route("/figures", figures.figures, figures.FiguresBody, FIGURES, figures.FiguresQuery, table=True),
    Route(
        "/figures/{name}",
        figures.statistic,
        figures.StatisticPage,
        FIGURES,
        figures.StatisticQuery,
        table=True,
    ),
    Route("/orders", orders.orders, orders.OrderPage, ORDERS, orders.OrdersQuery),
    Route("/orders/{order_id}", orders.order, orders.OrderBody, ORDERS),
    Route("/products", stock.products, stock.ProductPage, STOCK, stock.ProductsQuery),
    Route("/products/{product_id}/stock", stock.stock, stock.StockBody, STOCK),
    Route("/products/{product_id}/ledger", stock.ledger, stock.LedgerPage, STOCK, stock.LedgerQuery),
    Route("/series/{name}", series.series, series.SeriesPage, FIGURES, series.SeriesQuery, table=True),
)
