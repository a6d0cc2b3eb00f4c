"""Made-up shoppers, decided by a seed alone. world.py, people.py -> visits.py -> simulate.py, history.py."""
