"""Firmware that an operator uploaded."""

from django.db import models

from charge_points.models.base import TenantModel


class FirmwareFile(TenantModel):
    """One file under the media folder; stations fetch it by a signed address."""

    vendor = models.CharField(max_length=50, blank=True, default="")
    model = models.CharField(max_length=50, blank=True, default="")
    version = models.CharField(max_length=50)
    file_name = models.CharField(max_length=255)
    stored_as = models.CharField(max_length=100, help_text="under the media folder")
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    md5 = models.CharField(max_length=32, help_text="PublishFirmware asks for it")
    signing_certificate = models.TextField(blank=True, default="")
    signature = models.CharField(max_length=800, blank=True, default="")
    uploaded_by = models.CharField(max_length=120)
    uploaded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "sha256", "version"], name="one_firmware_file"
            ),
            models.CheckConstraint(
                condition=models.Q(signature="", signing_certificate="")
                | (~models.Q(signature="") & ~models.Q(signing_certificate="")),
                name="firmware_file_signed_whole",
            ),
        ]

    def __str__(self) -> str:
        """Show the version."""
        return f"firmware {self.version}"

    @property
    def is_signed(self) -> bool:
        """Whether a station can check who made it."""
        return bool(self.signature)
