# One image for every role; the command says which (deploy/compose.yml):
#   uvicorn … | manage.py ocpp_gateway | celery … | manage.py outbox_relay | manage.py migrate
#
# To pin the exact image of a release, give its digest:
#   docker build --build-arg PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:… .
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_INPUT=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/requirements.txt

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=cpms.settings.prod \
    CPMS_HOME=/var/lib/cpms
RUN groupadd --system --gid 10001 cpms \
 && useradd --system --uid 10001 --gid cpms --home-dir /var/lib/cpms --create-home --shell /usr/sbin/nologin cpms
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/cpms
COPY manage.py ./
COPY cpms ./cpms
COPY charge_points ./charge_points
COPY billing ./billing
COPY settlement ./settlement
COPY simulators ./simulators
COPY deploy/healthcheck.py ./deploy/healthcheck.py
RUN python -m compileall -q /srv/cpms /opt/venv

# Static files belong to the image. Production settings refuse to load without
# secrets; these live as long as this one command.
USER cpms
RUN random() { python -c 'import secrets; print(secrets.token_urlsafe(48))'; } \
 && key() { python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'; } \
 && SECRET_KEY="$(random)" CHARGE_POINT_PASSWORD_KEY="$(random)" KEY_ENCRYPTION_KEY="$(key)" \
    DATABASE_URL=postgresql://none@127.0.0.1/none REDIS_URL=redis://127.0.0.1 \
    PUBLIC_BASE_URL=https://localhost ALLOWED_HOSTS=localhost \
    python manage.py collectstatic --no-input --verbosity 0

EXPOSE 8000 9000
# For the web process; the compose file gives the other roles their own.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "deploy/healthcheck.py", "http", "8000", "/healthz"]
CMD ["uvicorn", "cpms.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off"]
