"""Tests: the embedded engines, an own database, fast staff password hashing."""

import os

os.environ.setdefault("CPMS_DATABASE_ROLE", "owner")

from cpms.settings.dev import *

DATABASES["default"]["TEST"] = {
    "NAME": env.str("TEST_DATABASE_NAME", "test_cpms"),
    "TEMPLATE": "template0",
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WHITENOISE_AUTOREFRESH = True
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
