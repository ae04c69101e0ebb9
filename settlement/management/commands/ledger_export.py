"""``manage.py ledger_export``: the books for an accounting program."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from cpms.accounts.management.base import DomainCommand, refused
from cpms.accounts.models import Operator
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from settlement.exports import ledger
from settlement.models import PLATFORM_BOOK


class UnableToExport(DomainError):
    """There is no such book, or the file cannot be written."""


class Command(DomainCommand):
    """Write the ledger to standard output or to a file."""

    help = "Export the ledger as beancount or CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        """Format, book and file."""
        super().add_arguments(parser)
        parser.add_argument("--format", choices=["beancount", "csv"], required=True)
        parser.add_argument(
            "--operator", help="an operator's code, or 'platform'; default: all books"
        )
        parser.add_argument("--output", help="file to write; default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Stream to standard output; with a file, say how much was written."""
        if options["output"]:
            super().handle(*args, **options)
            return
        if options["json"]:
            raise CommandError(
                "--json tells of a written file: say --output FILE too.", returncode=2
            )
        try:
            self._write(options, self.stdout.write)
        except UnableToExport as error:
            raise refused(error) from error

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Write the file."""
        path = options["output"]
        _book(options["operator"])  # a wrong book must not empty an existing file
        try:
            with open(path, "w", encoding="utf-8") as out:  # noqa: PTH123 - a path from the caller
                lines = self._write(options, lambda line: out.write(f"{line}\n"))
        except OSError as error:
            raise UnableToExport(
                "file_unwritable",
                f"{path} cannot be written ({error.strerror}); choose another "
                "--output.",
            ) from error
        return {"output": path, "lines": lines}

    def _write(self, options: dict[str, Any], write: Any) -> int:  # noqa: ANN401 - a writer
        export = {"beancount": ledger.as_beancount, "csv": ledger.as_csv}
        count = 0
        with transaction.atomic(), acting_as_platform("export of the books"):
            for line in export[options["format"]](_book(options["operator"])):
                write(line)
                count += 1
        return count


def _book(code: str | None) -> int | None:
    if code is None:
        return None
    if code == "platform":
        return PLATFORM_BOOK
    found = Operator.objects.filter(code=code).values_list("pk", flat=True).first()
    if found is None:
        raise UnableToExport(
            "unknown_operator",
            f"There is no operator with the code {code!r}; give an operator's code, or "
            "'platform'.",
        )
    return found
