"""The parts of orders.py: a stack of its own, what is measured on it, the limit and a peer."""
