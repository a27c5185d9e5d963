"""How the directory is read."""

from django.db import models


class PractitionerQuerySet(models.QuerySet):
    pass


class PracticeRoleQuerySet(models.QuerySet):
    def open(self):
        return self.filter(ended_at=None)


class OrganizationQuerySet(models.QuerySet):
    pass


class TeamQuerySet(models.QuerySet):
    def open(self):
        return self.filter(closed_at=None)
