from django.db import migrations

# unaccent() is STABLE because its dictionary can change; ours does not, so the wrapper may be IMMUTABLE and indexed.
FORWARD = """
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE OR REPLACE FUNCTION cercle_unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
  AS $$ SELECT public.unaccent('public.unaccent'::regdictionary, $1) $$;
CREATE OR REPLACE FUNCTION cercle_key(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
  AS $$ SELECT lower(trim(regexp_replace(public.cercle_unaccent($1), '\\s+', ' ', 'g'))) $$;
CREATE TEXT SEARCH CONFIGURATION fr (COPY = pg_catalog.french);
ALTER TEXT SEARCH CONFIGURATION fr ALTER MAPPING FOR hword, hword_part, word WITH unaccent, french_stem;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(
            FORWARD,
            "DROP TEXT SEARCH CONFIGURATION IF EXISTS fr; DROP FUNCTION IF EXISTS cercle_key(text);"
            " DROP FUNCTION IF EXISTS cercle_unaccent(text);",
        )
    ]
