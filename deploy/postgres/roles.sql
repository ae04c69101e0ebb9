-- The three roles of CPMS and its database. Run once as a superuser, and again after
-- a password changed; nothing that exists is lost:
--
--   export CPMS_OWNER_PASSWORD=… CPMS_APP_PASSWORD=… CPMS_SYSTEM_PASSWORD=…
--   psql --no-psqlrc -v ON_ERROR_STOP=1 -f deploy/postgres/roles.sql postgresql://postgres@host/postgres
--
-- owner   runs migrations and owns the tables; no running process uses it
-- app     web processes: row level security shows them one operator or driver
-- system  gateway, workers, relay: bypass row level security, held by composite keys
--
-- None of them is a superuser: a superuser passes every wall unseen.

\getenv owner_password CPMS_OWNER_PASSWORD
\getenv app_password CPMS_APP_PASSWORD
\getenv system_password CPMS_SYSTEM_PASSWORD
\set ON_ERROR_STOP on

SET password_encryption = 'scram-sha-256';
-- The statements below hold passwords.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['cpms_owner', 'cpms_app', 'cpms_system']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE cpms_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE cpms_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'app_password';
ALTER ROLE cpms_system LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS PASSWORD :'system_password';

-- A statement that holds a lock for ever stops the gateway; web requests are short.
ALTER ROLE cpms_app SET statement_timeout = '30s';
ALTER ROLE cpms_app SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE cpms_system SET idle_in_transaction_session_timeout = '120s';
-- A migration that cannot have its lock gives up instead of queueing everybody else.
ALTER ROLE cpms_owner SET lock_timeout = '5s';

SELECT $$CREATE DATABASE cpms OWNER cpms_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'$$
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'cpms')
\gexec

REVOKE ALL ON DATABASE cpms FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE cpms TO cpms_app, cpms_system;
