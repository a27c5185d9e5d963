"""Reads that read as phrases. Searches take `among`, a queryset or list of patient ids the reader may see."""

from django.db import models


class PatientQuerySet(models.QuerySet):
    def active(self):
        """Files that stand for themselves: merged ones are reached through their survivor."""
        return self.filter(merged_into__isnull=True)

    def with_identity(self):
        return self.select_related("identity")

    def by_name(self):
        return self.order_by("identity__sort", "id")


class IdentityQuerySet(models.QuerySet):
    def current(self):
        return self.filter(superseded_at__isnull=True)

    def history_of(self, patient_id):
        return self.filter(patient_id=patient_id).order_by("-id")


class CoordinatesQuerySet(models.QuerySet):
    def current(self):
        return self.filter(superseded_at__isnull=True)


class DatedQuerySet(models.QuerySet):
    """Rows with since / until."""

    def current(self):
        return self.filter(until__isnull=True)

    def of(self, patient_id):
        return self.filter(patient_id=patient_id)


class DuplicateQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state="open")

    def of(self, patient_id):
        return self.filter(models.Q(first_id=patient_id) | models.Q(second_id=patient_id))
