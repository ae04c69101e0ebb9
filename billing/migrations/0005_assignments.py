"""Versions of tariffs, groups of drivers, and tariffs for them and for token types."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import AppendOnlyTable, Parent, TenantTable

FIRST_VERSIONS = (
    "INSERT INTO billing_tariffversion (operator_id, tariff_id, number, currency, "
    "ocpi, content_hash, applies_from, saved_by, created_at) "
    "SELECT operator_id, id, 1, currency, ocpi, content_hash, NULL, 'migration', "
    "updated_at FROM billing_tariff"
)
GROUP_KEY = (
    "ALTER TABLE billing_tariffassignment "
    "ADD CONSTRAINT billing_tariffassignment_driver_group_id_tenant_fk "
    "FOREIGN KEY (operator_id, driver_group_id) "
    "REFERENCES billing_drivergroup (operator_id, id) "
    "DEFERRABLE INITIALLY DEFERRED"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("billing", "0004_documents"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.AddField(
            model_name='tariffassignment',
            name='token_type',
            field=models.CharField(blank=True, choices=[('AD_HOC_USER', 'guest without an account'), ('APP_USER', 'account, by app or vehicle'), ('EMAID', 'Plug & Charge contract'), ('RFID', 'card'), ('OTHER', 'another token')], db_default='', default='', max_length=12),
        ),
        migrations.CreateModel(
            name='DriverGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=36)),
                ('name', models.CharField(blank=True, default='', max_length=120)),
                ('created_at', models.DateTimeField()),
                ('operator', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.operator')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('operator', 'code'), name='one_driver_group_per_code')],
            },
        ),
        migrations.AddField(
            model_name='tariffassignment',
            name='driver_group',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.drivergroup'),
        ),
        migrations.CreateModel(
            name='DriverGroupMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(help_text='As the operator knows the driver', max_length=254)),
                ('added_at', models.DateTimeField()),
                ('driver', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.driver')),
                ('group', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='members', to='billing.drivergroup')),
                ('operator', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.operator')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('group', 'driver'), name='once_in_a_driver_group')],
            },
        ),
        migrations.CreateModel(
            name='TariffVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.IntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('ocpi', models.JSONField()),
                ('content_hash', models.CharField(max_length=64)),
                ('applies_from', models.DateTimeField(blank=True, help_text='for charges that start then or later', null=True)),
                ('saved_by', models.CharField(max_length=120)),
                ('created_at', models.DateTimeField()),
                ('operator', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.operator')),
                ('tariff', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='billing.tariff')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tariff', 'number'), name='tariff_versions_count_up')],
            },
        ),
        TenantTable("billing_drivergroup", driver_sql="true"),
        TenantTable(
            "billing_drivergroupmember",
            driver_sql="driver_id = cpms_driver_id()",
            parents=[Parent("group_id", "billing_drivergroup", on_delete="CASCADE")],
        ),
        AppendOnlyTable(
            "billing_tariffversion",
            driver_sql="true",
            parents=[Parent("tariff_id", "billing_tariff")],
        ),
        migrations.RunSQL([FIRST_VERSIONS], migrations.RunSQL.noop),
        migrations.RunSQL([GROUP_KEY], migrations.RunSQL.noop),
    ]
