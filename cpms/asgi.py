"""The web process: ASGI application under the app database role."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.prod")
os.environ.setdefault("CPMS_DATABASE_ROLE", "app")

application = get_asgi_application()
