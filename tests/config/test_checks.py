"""Settings that must not reach production are refused."""

import pytest

from config.checks import safe_settings


@pytest.fixture(autouse=True)
def production(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("CERCLE_HOME", str(tmp_path))
    settings.ALLOWED_HOSTS = ["cercle.sante.example"]
    settings.BASE_URL = "https://cercle.sante.example"
    return settings


def test_the_defaults_are_fit_for_production():
    assert safe_settings(None) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", True),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 60),
        ("ALLOWED_HOSTS", ["*"]),
        ("INSECURE_HTTP", True),
        ("SESSION_COOKIE_SECURE", False),
        ("SESSION_COOKIE_HTTPONLY", False),
        ("CSRF_COOKIE_SECURE", False),
        ("SECURE_HSTS_SECONDS", 0),
        ("BASE_URL", "http://cercle.sante.example"),
        ("TRUSTED_PROXIES", ["0.0.0.0/0"]),
    ],
)
def test_an_unsafe_setting_is_an_error(production, name, value):
    setattr(production, name, value)
    assert [found.level for found in safe_settings(None)] == [40]


def test_plain_http_is_for_this_machine_only(production):
    production.INSECURE_HTTP = True
    production.ALLOWED_HOSTS = ["localhost"]
    assert safe_settings(None) == []


def test_secrets_that_others_can_read_are_an_error(tmp_path):
    (tmp_path / "secrets").mkdir(mode=0o755)
    assert [found.id for found in safe_settings(None)] == ["cercle.E010"]
