from django.urls import path

from . import views

app_name = "structures"
urlpatterns = [
    path("structure/", views.home, name="home"),
    path("structure/personnel/", views.staff, name="staff"),
    path("structure/territoire/", views.territory, name="territory"),
    path("structure/logo/", views.logo, name="logo"),
    path("structure/documents/<uuid:pk>/", views.document, name="document"),
    path("structure/changer/<str:what>/", views.change, name="change"),
    path("region/structures/", views.region, name="region"),
    path("region/structures/nouvelle/", views.new, name="new"),
]
