import os
import sys
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from cercle.base.common.errors import Refused
from config import serve
from config.service import static


class Command(BaseCommand):
    help = "Fait tourner Cercle : pages et tâches de fond, avec la base embarquée sans DATABASE_URL"
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="adresse d’écoute")
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")), help="port d’écoute")
        parser.add_argument(
            "--workers", type=int, default=int(os.environ.get("WEB_WORKERS", "2")), help="processus web"
        )
        parser.add_argument("--demo", action="store_true", help="territoire de démonstration, HTTP sur cette machine")
        parser.add_argument("--patients", type=int, default=200, help="taille du territoire de démonstration")

    def handle(self, *, host, port, workers, demo, patients, **options):
        home = Path(settings.CERCLE_HOME)
        running = serve.Running(home)
        if (facts := running.read()) is not None:
            if demo:
                self.stdout.write(serve.already(facts))
                return
            raise Refused(serve.already(facts), "already_running")
        serve.check_room(home)
        if not demo:
            serve.refuse_root()
            serve.refuse_unsafe()
        with running.hold():
            serve.check_port(host, port)
            self._prepare(demo, patients)
            hl7_port = self._hl7_port(host, demo)
            supervisor = serve.Supervisor(
                home, serve.embedded(home), host=host, port=port, workers=workers, log=home / "log" if demo else None,
                hl7_port=hl7_port,
            )  # fmt: skip
            url = settings.BASE_URL
            status = supervisor.run(running, url, lambda: self._ready(url, demo))
        if demo:
            self.stdout.write("Cercle est arrêté.")
        sys.exit(status)

    def _hl7_port(self, host: str, demo: bool) -> int:
        """HL7_PORT; 0: off. Unsaid: 2575 in the demonstration when nobody has it, off elsewhere."""
        said = os.environ.get("HL7_PORT", "")
        if said and not said.isdecimal():
            raise Refused(f"HL7_PORT : {said} n’est pas un numéro de port.", "port")
        port = int(said) if said else 2575 if demo else 0
        if port:
            try:
                serve.check_port(host, port)
            except Refused:
                if said:
                    raise Refused(f"HL7_PORT : le port {port} est déjà pris, ou interdit.", "port") from None
                self._say(f"Messages HL7 : le port {port} est déjà pris, la réception ne démarre pas (HL7_PORT=…).")
                return 0
            self._say(f"Messages HL7 (MLLP) : {host}, port {port}")
        return port

    def _prepare(self, demo: bool, patients: int) -> None:
        static.collect(self._say)
        if demo:
            if _pending():
                self._say("Tables de la base…")
                call_command("migrate", verbosity=0)
            if not _has_patients() and "demo" in get_commands():
                self._say(f"Territoire de démonstration ({patients} patients)…")
                call_command("demo", patients=patients, seed=1)
            elif not _is_demo():
                # It relaxes the second factor: never over people who exist.
                raise Refused(
                    "Cette base n’est pas une démonstration : « cercle run », sans --demo, la sert avec ses réglages.",
                    "not_demo",
                )
        elif _pending():
            raise Refused("La base attend une migration : « cercle migrate ».", "migrate")
        connections.close_all()

    def _ready(self, url: str, demo: bool) -> None:
        self._say(f"\nCercle est prêt : {url}")
        if demo:
            if "demo_accounts" in get_commands() or "demo-accounts" in get_commands():
                name = "demo_accounts" if "demo_accounts" in get_commands() else "demo-accounts"
                accounts = StringIO()
                call_command(name, stdout=accounts)
                self._say(accounts.getvalue().rstrip())
            self._say("Journaux : " + str(Path(settings.CERCLE_HOME) / "log"))
            server = serve.embedded(Path(settings.CERCLE_HOME))
            if server and not server.place.is_relative_to(server.home):
                self._say(f"Base : {server.place}, car son utilisateur ne peut pas entrer dans {server.home}.")
            if os.geteuid() == 0:
                self._say("Lancé par root : la base a son utilisateur à part, les pages restent root (démo seulement).")
            connections.close_all()
        self._say("Pour arrêter : Ctrl-C ici, ou « .venv/bin/cercle stop » ailleurs.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _pending() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _is_demo() -> bool:
    from config.demo.models import is_demo

    return is_demo()


def _has_patients() -> bool:
    from django.apps import apps

    return apps.get_model("patients", "Patient").objects.exists()
