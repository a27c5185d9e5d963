from django.urls import path

from . import access_log, help, identity_urls, notices, palette, views

app_name = "record"
urlpatterns = [
    *identity_urls.urlpatterns,
    path("", views.home, name="home"),
    path("patients/", views.patients, name="patients"),
    path("patients/<uuid:circle_id>/", views.patient, name="patient"),
    path("patients/<uuid:circle_id>/pourquoi/", views.why, name="why"),
    path("patients/<uuid:circle_id>/acces/suite/", access_log.more, name="log_more"),
    path("patients/<uuid:circle_id>/acces/export.csv", access_log.export, name="log_export"),
    path("patients/<uuid:circle_id>/<slug:slug>/", views.tab, name="tab"),
    path("notifications/", notices.page, name="notifications"),
    path("notifications/lu/", notices.all_read, name="notifications_read"),
    path("notifications/reglages/", notices.settings, name="notification_settings"),
    path("notifications/<uuid:notice_id>/", notices.follow, name="notification"),
    path("rechercher/", palette.options, name="palette"),
    path("aide/", help.page, name="help"),
]
