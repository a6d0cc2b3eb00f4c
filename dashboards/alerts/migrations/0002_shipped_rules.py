"""The rules that every shop begins with; whoever changes or deletes one keeps it so."""

from django.db import migrations

SHIPPED = [
    {"name": "Conversion drop", "figure": "conversion", "compare": "fall", "limit": 40, "least": 0.5,
     "bucket_minutes": 30, "for_buckets": 2, "cooldown_minutes": 240},
    {"name": "Sell-out ahead", "figure": "sell_out", "compare": "below", "limit": 60,
     "bucket_minutes": 5, "for_buckets": 2, "cooldown_minutes": 240},
    {"name": "Payment failures", "figure": "payment_failures", "compare": "above", "limit": 30,
     "bucket_minutes": 15, "for_buckets": 2, "cooldown_minutes": 60},
    {"name": "No orders", "figure": "orders", "compare": "fall", "limit": 99, "least": 5,
     "bucket_minutes": 30, "for_buckets": 2, "cooldown_minutes": 120},
    {"name": "Pipeline delay", "figure": "delay", "compare": "above", "limit": 10,
     "bucket_minutes": 1, "for_buckets": 3, "cooldown_minutes": 60},
]  # fmt: skip


def ship(apps, schema_editor):
    Rule = apps.get_model("alerts", "Rule")
    for rule in SHIPPED:
        Rule.objects.get_or_create(name=rule["name"], defaults=rule)


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_initial")]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
