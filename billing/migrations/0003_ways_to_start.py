"""Guests, caps and pay links."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Guests, caps and pay links."""

    dependencies: ClassVar = [("billing", "0002_tenancy")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="order",
            name="contact_email",
            field=models.EmailField(
                blank=True,
                default="",
                help_text="Where a guest wants the receipt",
                max_length=254,
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="language",
            field=models.CharField(
                blank=True, default="", help_text="What a guest reads", max_length=10
            ),
        ),
    ]
