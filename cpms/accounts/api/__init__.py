"""What every app's REST room shares: who asks, problems, pages, idempotency.

Import from the modules: ``authentication``, ``permissions``, ``problems``,
``pagination``, ``scoping``, ``idempotency``. Nothing is re-exported here, because
Django REST framework's settings name some of these while its own views load.
"""
