"""Money that nobody owes, own keys that are changed while in use, and who looked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with constant defaults: no table is rewritten."""

    dependencies = [("settlement", "0005_corrections")]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="unowed_reason",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Why nobody owes this money: it goes back by itself",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="key_ending",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="The last characters of the operator's own key",
                max_length=4,
            ),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="key_set_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="sealed_former_webhook_secret",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="former_webhook_secret_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="looked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="looked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
