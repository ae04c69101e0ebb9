"""Own-key mode, hosted checkout, disputes, statements."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Own-key mode, hosted checkout, disputes, statements."""

    dependencies: ClassVar = [("settlement", "0003_ledger_guards")]
    operations: ClassVar = []
