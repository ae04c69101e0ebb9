"""To be filled."""

from django.db import migrations


class Migration(migrations.Migration):
    """To be filled."""

    dependencies = [("charge_points", "0011_station_behaviour")]

    operations = []
