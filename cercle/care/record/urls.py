from django.urls import path

from . import views

app_name = "record"
urlpatterns = [
    path("", views.home, name="home"),
    path("patients/", views.patients, name="patients"),
    path("patients/<uuid:circle_id>/", views.patient, name="patient"),
    path("patients/<uuid:circle_id>/pourquoi/", views.why, name="why"),
    path("patients/<uuid:circle_id>/<slug:slug>/", views.tab, name="tab"),
]
