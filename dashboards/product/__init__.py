"""The page of figures of one product."""
