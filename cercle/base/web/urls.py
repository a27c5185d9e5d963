from django.urls import path

from cercle.base.web import views

app_name = "web"
urlpatterns = [
    path("style/", views.style, name="style"),
    path("bell/", views.bell, name="bell"),
]
