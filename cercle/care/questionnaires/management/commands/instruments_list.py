"""cercle instruments list"""

from django.core.management.base import BaseCommand

from cercle.care.questionnaires.instruments.registry import INSTRUMENTS


class Command(BaseCommand):
    help = "Lister les instruments : nom, version, niveau, droits."
    requires_system_checks = []

    def handle(self, **options) -> None:
        for entry in INSTRUMENTS.values():
            self.stdout.write(f"{entry.name:<16}{entry.version or '-':<18}{entry.tier.label:<32}{entry.rights.label}")
