import os

from django.core.management.base import BaseCommand

from config import serve
from config.service import static


class Command(BaseCommand):
    help = "Sert les pages et /events, au premier plan (sans les tâches de fond)"
    requires_system_checks = ()  # refuse_unsafe says them in one line

    def add_arguments(self, parser):
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="adresse d’écoute")
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")), help="port d’écoute")
        parser.add_argument(
            "--workers", type=int, default=int(os.environ.get("WEB_WORKERS", "2")), help="processus web"
        )

    def handle(self, *, host, port, workers, **options):
        serve.refuse_root()
        serve.refuse_unsafe()
        static.collect(self.stdout.write)
        serve.check_port(host, port)
        serve.in_front(serve.web_command(host, port, workers))
