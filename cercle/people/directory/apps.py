from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "cercle.people.directory"
    label = "directory"
