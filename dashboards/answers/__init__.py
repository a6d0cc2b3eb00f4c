"""What the figures mean for somebody who must act. Redis buckets, stock -> here -> page, shop, alerts.

Each answer is one file: a pure function of sums, with its definition in docs/metrics.md, and the reading that
feeds it. What needs days of buckets is made every few minutes by refresh() and kept; pages read what is kept.
"""
