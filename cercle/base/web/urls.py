from django.urls import path

from cercle.base.web import legal, views

app_name = "web"
urlpatterns = [
    path("style/", views.style, name="style"),
    path("bell/", views.bell, name="bell"),
    path("accessibilite/", legal.page, {"slug": "accessibilite"}, name="accessibility"),
    path("mentions-legales/", legal.page, {"slug": "mentions-legales"}, name="legal"),
    path("donnees-personnelles/", legal.page, {"slug": "donnees-personnelles"}, name="privacy"),
]
