"""Credit notes."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import AppendOnlyTable, Parent, TenantTable


class Migration(migrations.Migration):
    """Credit notes, numbered without gaps."""

    dependencies: ClassVar = [
        ("billing", "0003_ways_to_start"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.CreateModel(
            name='CreditNoteCounter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('last', models.BigIntegerField(default=0)),
                ('operator', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.operator')),
            ],
        ),
        migrations.CreateModel(
            name='CreditNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('refund_id', models.BigIntegerField(help_text="settlement's refund")),
                ('number', models.BigIntegerField()),
                ('amount_minor', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('taxes', models.JSONField()),
                ('reason', models.CharField(blank=True, default='', max_length=200)),
                ('issued_at', models.DateTimeField()),
                ('operator', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.operator')),
                ('order', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='billing.order')),
                ('receipt', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='billing.receipt')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('operator', 'number'), name='credit_note_number_unique'), models.UniqueConstraint(fields=('operator', 'refund_id'), name='credit_note_once'), models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='credit_note_positive')],
            },
        ),
        TenantTable("billing_creditnotecounter"),
        AppendOnlyTable(
            "billing_creditnote",
            driver_sql=(
                "order_id IN (SELECT id FROM billing_order "
                "WHERE driver_id = cpms_driver_id())"
            ),
            parents=[
                Parent("order_id", "billing_order"),
                Parent("receipt_id", "billing_receipt"),
            ],
        ),
    ]
