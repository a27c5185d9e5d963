"""The first lock of the journal: what the application role may do to it, and how to see that it holds."""

from django.conf import settings
from django.db import connection as default_connection

from .models import AuditEvent

SERVER_OWNED = {"id", "at", "xid", "segment"}


def app_role() -> str:
    return getattr(settings, "CERCLE_APP_ROLE", None) or "cercle_app"


def columns() -> list[str]:
    """What the application role may give when it writes a row of the journal."""
    return [f.column for f in AuditEvent._meta.local_fields if f.column not in SERVER_OWNED]


def apply(connection=default_connection, role: str | None = None) -> bool:
    """Take everything back from the application role and give it read and append. False when there is no such role.

    To call again, as owner, after any wider grant (`GRANT … ON ALL TABLES`), and after a restore.
    """
    role = role or app_role()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolname <> current_user", [role])
        if not cursor.fetchone():
            return False
        name = connection.ops.quote_name(role)
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.oid = 'public.audit_event'::regclass"
            " OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.audit_event'::regclass)"
            " OR c.oid = 'public.audit_seal'::regclass"
        )
        tables = ", ".join(f"public.{connection.ops.quote_name(t)}" for (t,) in cursor.fetchall())
        given = ", ".join(connection.ops.quote_name(c) for c in columns())
        cursor.execute(
            f"REVOKE ALL ON {tables} FROM {name}, PUBLIC;"
            f" GRANT SELECT ON {tables} TO {name};"
            f" GRANT INSERT ({given}) ON public.audit_event TO {name};"
            f" GRANT INSERT ON public.audit_seal TO {name};"
            f" REVOKE ALL ON FUNCTION public.audit_make_partition(int) FROM PUBLIC;"
            f" GRANT EXECUTE ON FUNCTION public.audit_make_partition(int) TO {name};"
        )
    return True


def weaknesses(connection=default_connection) -> list[str]:
    """What is wrong with the rights of the role that this process uses; empty when the journal is append-only to it."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            return ["the application role is a superuser: it can rewrite the journal"]
        cursor.execute(
            "WITH t AS (SELECT 'public.audit_event'::regclass AS oid UNION SELECT 'public.audit_seal'::regclass"
            " UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.audit_event'::regclass)"
            " SELECT t.oid::regclass::text, p FROM t, unnest(array['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) p"
            " WHERE has_table_privilege(t.oid, p)"
        )
        found += [f"the application role has {right} on {table}" for table, right in cursor.fetchall()]
        cursor.execute(
            "SELECT c FROM unnest(array['id', 'at', 'xid', 'segment']) c"
            " WHERE has_column_privilege('public.audit_event', c, 'INSERT')"
        )
        found += [f"the application role can write {column} of audit_event" for (column,) in cursor.fetchall()]
    return found
