"""To be filled."""

from django.db import migrations


class Migration(migrations.Migration):
    """To be filled."""

    dependencies = [("billing", "0005_assignments")]

    operations = []
