from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "cercle.people.accounts"
    label = "accounts"
