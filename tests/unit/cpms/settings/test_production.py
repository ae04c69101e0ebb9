"""Production refuses to start with anything missing or weak: real processes."""

import os
import secrets
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
GOOD = {
    "DJANGO_SETTINGS_MODULE": "cpms.settings.prod",
    "PUBLIC_BASE_URL": "https://cpms.example.org",
    "ALLOWED_HOSTS": "cpms.example.org",
    "DATABASE_URL": "postgresql://cpms_app@127.0.0.1:9/cpms",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "CHARGE_POINT_PASSWORD_KEY": secrets.token_urlsafe(48),
    "KEY_ENCRYPTION_KEY": urlsafe_b64encode(os.urandom(32)).decode(),
    "METRICS_TOKEN": secrets.token_urlsafe(24),
    "STRIPE_API_KEY": "sk_test_" + secrets.token_hex(12),
    "STRIPE_WEBHOOK_SECRET": "whsec_" + secrets.token_hex(12),
}


def start(*arguments, **changes):
    """Run manage.py with production's environment, some of it changed or left out."""
    wanted = {**GOOD, **changes}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **{name: value for name, value in wanted.items() if value is not None},
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_with_everything_set_the_deployment_check_is_clean():
    done = start("check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_it_is_strict_by_itself():
    names = (
        *("DEBUG", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE"),
        *("CSRF_COOKIE_SECURE", "METRICS_NEED_TOKEN", "LOG_JSON"),
    )
    code = (
        "from django.conf import settings as s;"
        f"print([getattr(s, name) for name in {names}])"
    )
    done = start("shell", "--no-imports", "-c", code)

    assert done.stdout.strip() == "[False, True, True, True, True, True]", done.stderr


@pytest.mark.parametrize(
    ("address", "kind"),
    [(None, "console"), ("smtp://mail.example.org:587/?tls=true", "smtp")],
)
def test_mail_goes_where_the_address_says(address, kind):
    done = start(
        *("shell", "--no-imports", "-c"),
        "from django.conf import settings as s;print(s.EMAIL_BACKEND)",
        EMAIL_URL=address,
    )

    assert done.stdout.strip() == f"django.core.mail.backends.{kind}.EmailBackend"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"PUBLIC_BASE_URL": None}, "PUBLIC_BASE_URL not set"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS not set"),
        (
            {"DATABASE_URL": None, "REDIS_URL": None},
            "REDIS_URL, DATABASE_URL not set",
        ),
        ({"SECRET_KEY": None}, "SECRET_KEY is missing or weak"),
        ({"CHARGE_POINT_PASSWORD_KEY": "changeme"}, "CHARGE_POINT_PASSWORD_KEY is"),
        ({"KEY_ENCRYPTION_KEY": "x1" * 30}, "KEY_ENCRYPTION_KEY is missing or weak"),
        ({"KEY_ENCRYPTION_KEY": secrets.token_urlsafe(48)}, "is not a key"),
        ({"PUBLIC_BASE_URL": "http://cpms.example.org"}, "needs https://HOST"),
        ({"ALLOWED_HOSTS": "*"}, "takes every name"),
        ({"DATABASE_URL": "sqlite:///x"}, "DATABASE_URL must look like"),
        ({"EMAIL_URL": "pigeon://loft"}, "EMAIL_URL must begin with"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)
def test_it_refuses_to_start_and_says_why(changes, says):
    done = start("check", **changes)

    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert says in last
    assert "docs/reference/settings.md" in last or "must" in last or "needs" in last
