import json
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from cercle.base.common.errors import Refused
from config import serve


class Command(BaseCommand):
    help = "Dit si Cercle tourne, où, et l’état de la base et des tâches ; échoue si quelque chose ne va pas"
    requires_system_checks = ()

    def handle(self, **options):
        facts = serve.Running(Path(settings.CERCLE_HOME)).read()
        if facts is None:
            raise Refused("Cercle ne tourne pas.", "stopped")
        if not facts.get("pid"):
            raise Refused("Cercle est en train de démarrer.", "starting")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{facts['port']}/healthz", timeout=10) as answer:
                state = json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(f"Cercle tourne sur {facts['url']} mais va mal : {error.read().decode()}", "unhealthy")
        except OSError as error:
            raise Refused(f"Cercle ne répond pas sur {facts['url']} : {error}", "unhealthy")
        self.stdout.write(f"Cercle tourne sur {facts['url']} (processus {facts['pid']})")
        self.stdout.write(json.dumps(state, ensure_ascii=False))
