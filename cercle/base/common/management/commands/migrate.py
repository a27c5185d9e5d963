from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections

from cercle.base.common.postgres import grant_to_application

ONE_AT_A_TIME = 0x_CE_2C_1E  # advisory lock: two machines upgraded together


class Command(migrate.Command):
    help = "Met les tables à jour, par le rôle propriétaire (DATABASE_OWNER_URL)"

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.set_defaults(database="owner" if "owner" in connections.settings else DEFAULT_DB_ALIAS)

    def handle(self, *args, **options):
        connection = connections[options["database"]]
        application = connections.settings[DEFAULT_DB_ALIAS].get("USER")
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", [ONE_AT_A_TIME])
            if application and application != connection.settings_dict["USER"]:
                grant_to_application(connection.connection, application)
        try:
            return super().handle(*args, **options)
        finally:
            connection.close()  # lets the lock go
