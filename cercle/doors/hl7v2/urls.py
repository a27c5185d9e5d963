from django.urls import path

from . import views

app_name = "hl7v2"
urlpatterns = [
    path("messages-hl7/", views.messages, name="messages"),
    path("messages-hl7/expediteurs/", views.senders, name="senders"),
    path("messages-hl7/expediteurs/<uuid:sender_id>/", views.sender, name="sender"),
    path("messages-hl7/<uuid:message_id>/", views.message, name="message"),
    path("messages-hl7/<uuid:message_id>/contenu/", views.raw, name="raw"),
    path("messages-hl7/<uuid:message_id>/rejouer/", views.replay, name="replay"),
    path("messages-hl7/<uuid:message_id>/classer/", views.set_aside, name="set_aside"),
]
