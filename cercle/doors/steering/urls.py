from django.urls import path

from . import views

app_name = "steering"
urlpatterns = [
    path("pilotage/", views.home, name="home"),
    path("pilotage/indicateurs/", views.every, name="every"),
    path("pilotage/indicateurs/<slug:what>/", views.one, name="one"),
    path("pilotage/indicateurs/<slug:what>/liste/", views.rows, name="rows"),
    path("pilotage/definitions/", views.definitions, name="definitions"),
    path("pilotage/export/<slug:what>/", views.export, name="export"),
    path("pilotage/rapport/", views.activity_report, name="report"),
]
