from django.apps import AppConfig


class SteeringConfig(AppConfig):
    name = "cercle.doors.steering"
    label = "steering"
