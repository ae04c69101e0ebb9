"""Split agreements for one charge point."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column with a constant default; the few agreements are indexed again."""

    dependencies: ClassVar = [("settlement", "0006_provider_doors")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="splitagreement",
            name="charge_point",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Only this charge point (its identity); empty = all",
                max_length=48,
            ),
        ),
        migrations.RemoveConstraint(
            model_name="splitagreement", name="one_split_agreement_at_a_time"
        ),
        migrations.AddConstraint(
            model_name="splitagreement",
            constraint=models.UniqueConstraint(
                fields=("operator", "site_id", "charge_point", "valid_from"),
                name="one_split_agreement_at_a_time",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="splitagreement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("site_id__isnull", True), ("charge_point", ""), _connector="OR"
                ),
                name="split_agreement_one_place",
            ),
        ),
    ]
