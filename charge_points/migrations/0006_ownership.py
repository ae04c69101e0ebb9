"""Owners of charge points in time, who can be paid, sealed codes of certificates."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import Walls
from cpms.accounts.rls import Parent

OPERATOR = {
    "to": "accounts.operator",
    "on_delete": django.db.models.deletion.PROTECT,
    "db_constraint": False,
    "db_index": False,
    "related_name": "+",
}
ID = models.BigAutoField(
    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
)


class Migration(migrations.Migration):
    """Tables with their walls, in one step."""

    dependencies: ClassVar = [("charge_points", "0005_public_keys")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="chargingcertificate",
            name="sealed_code",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.CreateModel(
            name="ChargePointOwnership",
            fields=[
                ("id", ID),
                (
                    "identity",
                    models.CharField(
                        help_text="as the station names itself", max_length=48
                    ),
                ),
                ("owned_from", models.DateTimeField()),
                ("owned_until", models.DateTimeField(blank=True, null=True)),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("owned_until__isnull", True)),
                        fields=("identity",),
                        name="one_owner_of_a_charge_point",
                    ),
                    models.UniqueConstraint(
                        fields=("identity", "owned_from"), name="ownership_begins_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("owned_until__isnull", True),
                            ("owned_until__gt", models.F("owned_from")),
                            _connector="OR",
                        ),
                        name="ownership_ends_after_begin",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OperatorPolicy",
            fields=[
                ("id", ID),
                ("can_be_paid", models.BooleanField(default=True)),
                ("updated_at", models.DateTimeField()),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("operator",), name="one_operator_policy"
                    )
                ],
            },
        ),
        Walls(
            "charge_points_chargepointownership",
            parents=[Parent("charge_point_id", "charge_points_chargepoint")],
        ),
        Walls("charge_points_operatorpolicy"),
    ]
