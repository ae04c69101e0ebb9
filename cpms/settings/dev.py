"""A checkout on a developer's machine; also what ``make demo`` runs."""

from cpms.settings.base import *
from cpms.settings.keys import development_secrets

DEBUG = env.bool("DEBUG", default=False)
_secrets = development_secrets(CPMS_HOME)
SECRET_KEY = _secrets["SECRET_KEY"]
CHARGE_POINT_PASSWORD_KEY = _secrets["CHARGE_POINT_PASSWORD_KEY"]
KEY_ENCRYPTION_KEY = _secrets["KEY_ENCRYPTION_KEY"]
LOG_JSON = env.bool("LOG_JSON", default=False)
