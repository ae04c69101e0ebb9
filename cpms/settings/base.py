"""What all environments share. Every value that differs comes from the environment.

The table of settings in docs/reference/settings.md is made from this file.
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env

from cpms.settings.databases import database_url, parse_database_url, redis_url
from cpms.settings.keys import former_keys, secret

env = Env()
BASE_DIR: Final = Path(__file__).resolve().parents[2]
CPMS_HOME: Final = Path(env.str("CPMS_HOME", str(BASE_DIR / ".cpms")))

DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1"])
PUBLIC_BASE_URL: str = env.str("PUBLIC_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
# What people put into chargers: by default the gateway's ports on the web's own host.
_HOST: Final = urlsplit(PUBLIC_BASE_URL).hostname or "127.0.0.1"
OCPP_BASE_URL: str = env.str("OCPP_BASE_URL", f"ws://{_HOST}:9000").rstrip("/")
OCPP_TLS_BASE_URL: str = env.str("OCPP_TLS_BASE_URL", f"wss://{_HOST}:9443").rstrip("/")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "cpms.accounts",
    "cpms.outbox",
    "cpms.notifications",
    "cpms.ops",
    "cpms.web",
    "charge_points",
    "settlement",
    "billing",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cpms.web.middleware.PageHeadersMiddleware",
    "cpms.accounts.middleware.ConditionalReadMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "cpms.accounts.middleware.TenancyMiddleware",
    "cpms.accounts.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "cpms.urls"
ASGI_APPLICATION = "cpms.asgi.application"
WSGI_APPLICATION = "cpms.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASE_ROLE: str = env.str("CPMS_DATABASE_ROLE", "system")
DATABASES: dict[str, dict[str, Any]] = {
    "default": parse_database_url(database_url(DATABASE_ROLE, CPMS_HOME), DATABASE_ROLE)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL: str = redis_url(CPMS_HOME)

KEY_ENCRYPTION_KEYS_FORMER = former_keys("KEY_ENCRYPTION_KEYS_FORMER")

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Owners, finance and platform staff prove a second factor at log-in.
STAFF_SECOND_FACTOR: bool = env.bool("STAFF_SECOND_FACTOR", default=False)
OTP_TOTP_ISSUER = "CPMS"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("zh-hans", "简体中文")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = CPMS_HOME / "static"
# Firmware and logs of stations; nothing in it is served by its name.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", str(CPMS_HOME / "media")))

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cpms.accounts.api.authentication.DriverTokenAuthentication",
        "cpms.accounts.api.authentication.ApiKeyAuthentication",
        "cpms.accounts.api.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "cpms.accounts.api.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "cpms.accounts.api.problems.problem_json",
    "DEFAULT_THROTTLE_RATES": {
        "claim": env.str("CLAIM_RATE_LIMIT", "30/min"),
        "sign_up": env.str("SIGN_UP_RATE_LIMIT", "20/hour"),
        "token": env.str("TOKEN_RATE_LIMIT", "20/min"),
    },
    "NUM_PROXIES": env.int("NUM_PROXIES", 0),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CPMS",
    "DESCRIPTION": "Charge point management: drivers, vehicles and operators.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    # From this host: the pages' policy forbids others, and closed networks have none.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "CommandBatchStateEnum": (
            "charge_points.models.command_batch.CommandBatch.State"
        ),
        "FirmwareCampaignStateEnum": (
            "charge_points.models.firmware_campaign.FirmwareCampaign.State"
        ),
        "CommandShapeStatusEnum": "charge_points.models.command.Command.State",
        "ConnectorTypeEnum": "charge_points.models.connector.Connector.Type",
        "ConnectorStatusEnum": "charge_points.models.connector.Connector.Status",
        "IdTokenStatusEnum": "charge_points.models.id_token.IdToken.Status",
        "DifferenceResolutionEnum": (
            "settlement.models.reconciliation.ReconciliationDifference.Resolution"
        ),
        "OrderStateEnum": "billing.models.order_states.OrderState",
        "OrderStartedByEnum": "billing.models.order.StartedBy",
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cpms",
    }
}

# Celery: the row in the outbox is the truth, the broker only wakes workers
# (docs/adr/0004), so lost broker data costs time and never money.
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 120}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 90
CELERY_TASK_SOFT_TIME_LIMIT = 75
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TIMEZONE = "UTC"
CELERY_DB_REUSE_MAX = 1000
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# Lifetimes of the certificate flow, in seconds (design page 1.3).
CERTIFICATE_LIFETIME_S: int = env.int("CERTIFICATE_LIFETIME_S", 180)
CERTIFICATE_CLAIMED_LIFETIME_S: int = env.int("CERTIFICATE_CLAIMED_LIFETIME_S", 300)
START_TIMEOUT_S: int = env.int("START_TIMEOUT_S", 120)
HEARTBEAT_INTERVAL_S: int = env.int("HEARTBEAT_INTERVAL_S", 300)
MESSAGE_LOG_RETENTION_DAYS: int = env.int("MESSAGE_LOG_RETENTION_DAYS", 90)

# name -> {"base_url", "api_key", "webhook_secret", "timeout_s", "calls_per_s",
# "calls_burst", "calls_pause_s"}; the calls are counted for each account by itself.
PAYMENT_PROVIDERS: dict[str, dict[str, Any]] = {
    "stripe": {
        "base_url": env.str("STRIPE_BASE_URL", "https://api.stripe.com"),
        "api_key": secret("STRIPE_API_KEY"),
        "webhook_secret": secret("STRIPE_WEBHOOK_SECRET"),
        "timeout_s": env.float("STRIPE_TIMEOUT_S", 10.0),
        "calls_per_s": env.float("STRIPE_CALLS_PER_S", 80.0),
        "calls_burst": env.int("STRIPE_CALLS_BURST", 80),
        "calls_pause_s": env.float("STRIPE_CALLS_PAUSE_S", 1.0),
    }
}

# Mail goes to EMAIL_URL (smtp://user:password@host:587/?tls=true); without one it is
# printed.
_mail = env.dj_email_url("EMAIL_URL", "console:")
if "EMAIL_BACKEND" not in _mail:
    raise ImproperlyConfigured(
        "EMAIL_URL must begin with smtp://, smtps://, file:// or be console:; see "
        "docs/reference/settings.md"
    )
vars().update(_mail)
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "CPMS <cpms@localhost>")

# Addresses that operators set (webhooks) must be public; networks named here (CIDR)
# are allowed too, and by plain http.
OUTGOING_NETWORKS: list[str] = env.list("OUTGOING_NETWORKS", [])
OUTGOING_CA_FILE: str = env.str("OUTGOING_CA_FILE", "")
# Answers ISO 15118 certificate requests of vehicles: POST of JSON with exiRequest.
CONTRACT_PROVIDER_URL: str = env.str("CONTRACT_PROVIDER_URL", "")
# Whether a contract counts whose OCSP responder gives no usable answer: it does not.
CONTRACT_OCSP_REQUIRED: bool = env.bool("CONTRACT_OCSP_REQUIRED", True)
# The operator's own CA signs the chargers' requests: POST of JSON with csr.
STATION_CA_URL: str = env.str("STATION_CA_URL", "")
STATION_CA_TOKEN: str = secret("STATION_CA_TOKEN")
# Revocation lists (DER or PEM) of the gateways' --client-ca, fetched every 15 minutes.
CLIENT_CRL_URLS: list[str] = env.list("CLIENT_CRL_URLS", [])
CLIENT_CA_FILE: str = env.str("CLIENT_CA_FILE", "")

# The console's map draws its own ground without a tile server.
MAP_TILE_URL: str = env.str("MAP_TILE_URL", "")
MAP_ATTRIBUTION: str = env.str("MAP_ATTRIBUTION", "")

LOGGING_CONFIG = None
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO")
LOG_JSON: bool = env.bool("LOG_JSON", default=True)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "CPMS",
    "SITE_HEADER": "CPMS",
    "SITE_SYMBOL": "ev_station",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": True,
    "BORDER_RADIUS": "6px",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": "cpms.accounts.navigation.favicon",
        }
    ],
    "LOGIN": {"form": "cpms.accounts.login.StaffLoginForm"},
    "DASHBOARD_CALLBACK": "cpms.accounts.dashboard.dashboard",
    "STYLES": ["cpms.accounts.navigation.style_sheet"],
    "SIDEBAR": {
        "show_search": True,
        "command_search": False,
        "show_all_applications": False,
        "navigation": "cpms.accounts.navigation.sidebar",
    },
    # Blue instead of the skin's violet: states keep green, orange and red.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
}

METRICS_TOKEN: str = secret("METRICS_TOKEN")
METRICS_NEED_TOKEN = False
