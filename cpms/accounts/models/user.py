"""A person who can log in: staff of an operator or of the platform, or a driver."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address."""

    def create_user(
        self,
        email: str,
        password: str | None = None,
        **fields: Any,
    ) -> "User":
        """Make a user; without a password nobody can log in as it."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self,
        email: str,
        password: str | None = None,
        **fields: Any,
    ) -> "User":
        """Make platform staff with every right in the admin."""
        return self.create_user(
            email, password, is_staff=True, is_superuser=True, **fields
        )


class User(AbstractUser):
    """Logs in by e-mail; ``is_superuser`` is platform staff."""

    username = None  # type: ignore[assignment]  # the address is the name
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        """Show the address."""
        return self.email
