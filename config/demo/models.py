"""The mark of a demonstration database: one row, written while there is no patient, never taken off."""

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now

from cercle.base.common.errors import Refused
from cercle.people.patients.models import Patient


class Mark(models.Model):
    id = models.SmallIntegerField(primary_key=True, default=1)
    patients = models.IntegerField()
    seed = models.IntegerField()
    marked_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(name="mark_one_row", condition=Q(id=1))]


def is_demo() -> bool:
    return Mark.objects.exists()


def mark(*, patients: int, seed: int) -> None:
    """Raises Refused on a database that holds patients: real ones never get invented neighbours."""
    with transaction.atomic():
        kept, former = Patient.objects.count(), Mark.objects.first()
        if former and 0 < kept < former.patients:
            raise Refused(
                f"Un chargement a été interrompu ici : {kept} patients sur {former.patients}. Repartez d’une base vide"
                " (arrêtez le serveur, videz CERCLE_HOME), puis relancez cette commande.",
                "partial",
            )
        if kept:
            raise Refused(
                "Cette base contient déjà des patients : le territoire de démonstration ne se charge que dans une base vide.",
                "not_empty",
            )
        Mark.objects.update_or_create(id=1, defaults={"patients": patients, "seed": seed})
