import os
import signal
import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from cercle.base.common.errors import Refused
from cercle.base.common.postgres import Server
from config import serve


class Command(BaseCommand):
    help = "Arrête le Cercle de CERCLE_HOME, et sa base embarquée"
    requires_system_checks = ()

    def handle(self, **options):
        home = Path(settings.CERCLE_HOME)
        running = serve.Running(home)
        facts = running.read()
        if facts is not None:
            if not facts.get("pid"):
                raise Refused("Cercle est en train de démarrer : réessayez dans un instant.", "starting")
            os.kill(facts["pid"], signal.SIGTERM)
            deadline = time.monotonic() + 60
            while running.read() is not None:
                if time.monotonic() > deadline:
                    raise Refused(f"Le processus {facts['pid']} ne s’arrête pas.", "stuck")
                time.sleep(0.05)
        left = Server(home).stop_if_unused()
        self.stdout.write("Cercle est arrêté." if facts is not None or left else "Cercle ne tournait pas.")
