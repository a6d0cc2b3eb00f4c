"""The Celery application. Redis carries the wake-up calls; the work itself is in the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopsite.settings")
app = Celery("shopsite")
app.set_default()  # "current" is one thread's only: web and consume send tasks from others
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["shopsite", "orders", "inventory", "dashboards"])
# Each expires before it is due again: a worker that was away has no heap of them to work off.
app.conf.beat_schedule = {
    "wake what waits in the inbox": {
        "task": "shopsite.tasks.sweep",
        "schedule": 2.0,
        "options": {"expires": 2.0},
    },
    "trim outbox and inbox": {
        "task": "shopsite.tasks.trim_events",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "charge and refund what is overdue": {
        "task": "shopsite.tasks.charge_due",
        "schedule": 2.0,
        "options": {"expires": 2.0},
    },
    "send mails that are overdue": {
        "task": "shopsite.tasks.send_due_mails",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "free what was reserved too long": {
        "task": "shopsite.tasks.expire_reservations",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "tell who waits that it is back": {
        "task": "shopsite.tasks.tell_waiting",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "forget carts of long ago": {
        "task": "shopsite.tasks.forget_carts",
        "schedule": 86_400.0,
        "options": {"expires": 86_400.0},
    },
    "fill what waited for stock": {
        "task": "shopsite.tasks.fill_backorders",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
}
