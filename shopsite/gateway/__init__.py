"""A payment provider that moves no money: the far side of the wire, in a process and a store of its own.

The shop reaches it over HTTP only (orders/payments/simulated.py), and it the shop by webhooks only.
Nothing here imports anything of the shop: an import contract keeps it so.
"""
