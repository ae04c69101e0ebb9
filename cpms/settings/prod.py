"""Production: refuses to start with anything missing or weak."""

from cpms.settings.keys import (
    production_key,
    production_secret,
    require,
    require_public_address,
)

# Before the base is read: it would start embedded servers for what is missing.
require("PUBLIC_BASE_URL", "ALLOWED_HOSTS", "REDIS_URL", "DATABASE_URL")

from cpms.settings.base import *

require_public_address(PUBLIC_BASE_URL, ALLOWED_HOSTS)
SECRET_KEY = production_secret("SECRET_KEY", characters=50)
CHARGE_POINT_PASSWORD_KEY = production_secret("CHARGE_POINT_PASSWORD_KEY")
KEY_ENCRYPTION_KEY = production_key("KEY_ENCRYPTION_KEY")
METRICS_NEED_TOKEN = True
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=True)

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
if env.bool("TRUST_PROXY_TLS_HEADER", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
