"""To be filled."""

from django.db import migrations


class Migration(migrations.Migration):
    """To be filled."""

    dependencies = [("settlement", "0004_modes_and_disputes")]

    operations = []
