from django.urls import path

from . import views

app_name = "documents"
urlpatterns = [
    path("patients/<uuid:circle_id>/documents/<uuid:document_id>/", views.show, name="show"),
    path("patients/<uuid:circle_id>/documents/<uuid:document_id>/vignette/", views.thumbnail, name="thumbnail"),
]
