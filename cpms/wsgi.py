"""The web process: WSGI application under the app database role."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.prod")
os.environ.setdefault("CPMS_DATABASE_ROLE", "app")

application = get_wsgi_application()
