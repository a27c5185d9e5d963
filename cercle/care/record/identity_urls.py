"""Addresses of identity: a new patient, the « Dossier » and what it changes, the identity queue."""

from django.urls import path

from . import create

urlpatterns = [
    path("patients/nouveau/", create.new, name="new_patient"),
    path("patients/nouveau/naissance/", create.birth_places, name="birth_places"),
    path("patients/nouveau/communes/", create.communes, name="communes"),
]
