from django.urls import path

from . import views

app_name = "agenda"
urlpatterns = [
    path("agenda/", views.mine, name="mine"),
    path("agenda/agendas/", views.choose, name="choose"),
    path("agenda/nouveau/", views.new, name="new"),
    path("agenda/rendez-vous/<uuid:appointment_id>/", views.show, name="show"),
    path("agenda/rendez-vous/<uuid:appointment_id>/modifier/", views.change, name="change"),
    path("agenda/rendez-vous/<uuid:appointment_id>/deplacer/", views.move, name="move"),
    path("agenda/rendez-vous/<uuid:appointment_id>/annuler/", views.cancel, name="cancel"),
    path("agenda/rendez-vous/<uuid:appointment_id>/fait/", views.done, name="done"),
    path("agenda/a-placer/nouveau/", views.keep_to_place, name="keep_to_place"),
    path("agenda/a-placer/<uuid:item_id>/", views.place_item, name="place_item"),
    path("agenda/a-placer/<uuid:item_id>/retirer/", views.drop_item, name="drop_item"),
    path("agenda/absences/", views.absences, name="absences"),
    path("agenda/absences/<uuid:absence_id>/retirer/", views.come_back, name="come_back"),
    path("agenda/liens/", views.feeds, name="feeds"),
    path("agenda/liens/<uuid:feed_id>/fermer/", views.close_feed, name="close_feed"),
    path("agenda/flux/<str:token>.ics", views.feed, name="feed"),
    path("patients/<uuid:circle_id>/agenda/nouveau/", views.new_for, name="new_for"),
]
