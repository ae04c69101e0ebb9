"""The security profile that a charge point is being raised to."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column with its bound."""

    dependencies: ClassVar = [("charge_points", "0006_ownership")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="chargepoint",
            name="security_profile_next",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="while it is being raised", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="chargepoint",
            constraint=models.CheckConstraint(
                condition=models.Q(security_profile_next__isnull=True)
                | models.Q(
                    security_profile_next__gt=models.F("security_profile"),
                    security_profile_next__lte=3,
                ),
                name="charge_point_security_profile_only_rises",
            ),
        ),
    ]
