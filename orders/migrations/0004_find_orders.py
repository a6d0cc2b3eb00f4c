from django.db import migrations, models
from django.db.models.functions import Lower

from orders.indexes import BeginningIndex


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_what_led_to_orders")]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=BeginningIndex(Lower("email"), name="order_by_email", condition=models.Q(email__gt="")),
        ),
        migrations.AddIndex(
            model_name="order",
            index=BeginningIndex(Lower("name"), name="order_by_name", condition=models.Q(name__gt="")),
        ),
    ]
