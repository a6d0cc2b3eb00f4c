"""/api/v1/: orders and stock for other programs, read-only, by key. asgi.py -> server.py -> routes.py."""
