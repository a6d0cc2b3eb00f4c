"""Static files as pages name them: joined to few, and by what is in them."""
