#!/bin/sh
# Roles and database of Cercle, on an empty PostgreSQL 18: an owner that migrates, an application that owns nothing.
set -eu
psql -v ON_ERROR_STOP=1 -v owner="$OWNER_PASSWORD" -v app="$APP_PASSWORD" <<'SQL'
create role cercle_owner login password :'owner';
create role cercle_app login password :'app';
create database cercle owner cercle_owner encoding 'UTF8' template template0 locale_provider builtin builtin_locale 'C.UTF-8' locale 'C.UTF-8';
\connect cercle
alter schema public owner to cercle_owner;
revoke all on database cercle from public;
grant connect, temporary on database cercle to cercle_app;
SQL
