from __future__ import annotations

from pathlib import Path

import pytest

from tracker.settings import SettingError, Settings, read_settings


def test_no_environment_gives_the_embedded_default() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({}).effective_database_url == f"sqlite:///{Path('var/warmtrail.db').absolute()}"
    assert read_settings({}).url == "http://127.0.0.1:8700"
    assert read_settings({}).bind_address == ("127.0.0.1", 8700)


def test_other_variables_and_empty_ones_are_ignored() -> None:
    assert read_settings({"PATH": "/bin", "_WARMTRAIL_X": "1", "WARMTRAIL_WORKERS": ""}) == Settings()


def test_every_kind_of_value_is_read() -> None:
    settings = read_settings(
        {
            "WARMTRAIL_DATABASE_URL": "postgresql://db/warmtrail",
            "WARMTRAIL_REDIS_URL": "redis://cache:6379/0",
            "WARMTRAIL_DATA_DIR": "/srv/warmtrail",
            "WARMTRAIL_BIND": "[::1]:9000",
            "WARMTRAIL_PUBLIC_URL": "https://leads.example.com/",
            "WARMTRAIL_PARTITIONS": "4",
            "WARMTRAIL_WORKERS": "8",
            "WARMTRAIL_LATE_WINDOW_DAYS": "0.5",
            "WARMTRAIL_LOG_FORMAT": "json",
        }
    )
    assert settings == Settings(
        database_url="postgresql://db/warmtrail",
        redis_url="redis://cache:6379/0",
        data_dir=Path("/srv/warmtrail"),
        bind="[::1]:9000",
        public_url="https://leads.example.com/",
        partitions=4,
        workers=8,
        late_window_days=0.5,
        log_format="json",
    )
    assert settings.effective_database_url == "postgresql+psycopg://db/warmtrail"
    assert settings.url == "https://leads.example.com"
    assert settings.bind_address == ("::1", 9000)
    assert settings.slot_count == 4


REFUSED = {
    "an unknown name": ("WARMTRAIL_WORKER", "2", "is not a setting"),
    "an unknown name with _FILE": ("WARMTRAIL_WORKER_FILE", "/dev/null", "is not a setting"),
    "a number that is none": ("WARMTRAIL_WORKERS", "two", None),
    "a fraction of a worker": ("WARMTRAIL_WORKERS", "1.5", None),
    "no partitions": ("WARMTRAIL_PARTITIONS", "0", "at least 1"),
    "too many partitions": ("WARMTRAIL_PARTITIONS", "4097", "at most 4096"),
    "fewer than no replicas": ("WARMTRAIL_STREAM_REPLICAS", "-1", "not be negative"),
    "no workers": ("WARMTRAIL_WORKERS", "0", "at least 1"),
    "no slots": ("WARMTRAIL_SLOTS", "0", "at least 1"),
    "nothing kept": ("WARMTRAIL_RETENTION_DAYS", "0", "at least 1"),
    "an archive of people who can't be found": ("WARMTRAIL_ARCHIVE_RETENTION_DAYS", "731", "must not be above"),
    "a quota of nothing": ("WARMTRAIL_KEY_QUOTA", "0,20", "must look like 2000,20000 or off"),
    "a quota without a burst": ("WARMTRAIL_ADDRESS_QUOTA", "200", "must look like 200,20000 or off"),
    "a quota in words": ("WARMTRAIL_VISITOR_QUOTA", "none", "must look like 20,2000 or off"),
    "newcomers in words": ("WARMTRAIL_NEWCOMER_QUOTA", "2000", "must look like 0.02,2000 or off"),
    "nothing may wait": ("WARMTRAIL_MAX_WAITING_ENTRIES", "-1", "at least 1"),
    "a negative window": ("WARMTRAIL_LATE_WINDOW_DAYS", "-1", "negative"),
    "bind without port": ("WARMTRAIL_BIND", "localhost", "127.0.0.1:8700"),
    "bind without host": ("WARMTRAIL_BIND", ":8700", "127.0.0.1:8700"),
    "bind to a word": ("WARMTRAIL_BIND", "localhost:http", "127.0.0.1:8700"),
    "bind to port 0": ("WARMTRAIL_BIND", "localhost:0", "127.0.0.1:8700"),
    "bind past the last port": ("WARMTRAIL_BIND", "localhost:65536", "127.0.0.1:8700"),
    "prefix without slash": ("WARMTRAIL_COLLECT_PREFIX", "v1", "slash"),
    "prefix with a slash too many": ("WARMTRAIL_COLLECT_PREFIX", "/v1/", "slash"),
    "a third log format": ("WARMTRAIL_LOG_FORMAT", "xml", "text or json"),
    "a pool of none": ("WARMTRAIL_DATABASE_POOL", "0,20", "must look like 10,20"),
    "a pool of one number": ("WARMTRAIL_DATABASE_POOL", "10", "must look like 10,20"),
    "a replica of SQLite": ("WARMTRAIL_READ_DATABASE_URL", "postgresql://db/x", "WARMTRAIL_DATABASE_URL is not one"),
    "a replica younger than now": ("WARMTRAIL_READ_LAG_SECONDS", "0", "above 0"),
    "a third language": ("WARMTRAIL_LANGUAGE", "de", "en or zh"),
    "a mail server over HTTP": ("WARMTRAIL_SMTP_URL", "http://mail", "must look like smtp://"),
    "a user of the mail server without password": ("WARMTRAIL_SMTP_URL", "smtp://a@mail", "both user and password"),
    "a mail server without a sender": ("WARMTRAIL_SMTP_URL", "smtp://mail", "needs WARMTRAIL_MAIL_FROM"),
    "a sender that is none": ("WARMTRAIL_MAIL_FROM", "leads", "must be an address"),
    "certificates that aren't there": ("WARMTRAIL_SMTP_CA_FILE", "/nowhere/ca.pem", "there is no file"),
    "a provider without a client": ("WARMTRAIL_OIDC_ISSUER", "https://id.example", "needs WARMTRAIL_OIDC_CLIENT_ID and"),
    "a client without a provider": ("WARMTRAIL_OIDC_CLIENT_ID", "warmtrail", "needs WARMTRAIL_OIDC_ISSUER and"),
    "a secret of no client": ("WARMTRAIL_OIDC_CLIENT_SECRET", "x", "needs WARMTRAIL_OIDC_ISSUER and"),
    "a name of no provider": ("WARMTRAIL_OIDC_NAME", "Example", "needs WARMTRAIL_OIDC_ISSUER and"),
    "Redis over HTTP": ("WARMTRAIL_REDIS_URL", "http://cache", "redis://"),
    "streams over HTTP": ("WARMTRAIL_STREAM_URL", "cache:6379", "redis://"),
    "public URL without scheme": ("WARMTRAIL_PUBLIC_URL", "leads.example.com", "https://"),
    "a secret in no file": ("WARMTRAIL_SECRET_KEY_FILE", "/nowhere/at/all", "cannot read"),
}


@pytest.mark.parametrize(("variable", "value", "says"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(variable: str, value: str, says: str | None) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({variable: value})
    assert str(caught.value).startswith(variable)
    assert says is None or says in str(caught.value)


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("long and random\n")
    assert read_settings({"WARMTRAIL_SECRET_KEY_FILE": str(secret)}).secret_key == "long and random"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_any_spelling_of_postgresql_gets_the_driver_we_ship(scheme: str) -> None:
    assert Settings(database_url=f"{scheme}://u:p@db/x").effective_database_url == "postgresql+psycopg://u:p@db/x"


OIDC = {
    "WARMTRAIL_OIDC_ISSUER": "https://login.example.com/realms/staff",
    "WARMTRAIL_OIDC_CLIENT_ID": "warmtrail",
    "WARMTRAIL_OIDC_CLIENT_SECRET": "s",
    "WARMTRAIL_OIDC_NAME": "Example 公司",
}


def test_a_provider_to_sign_in_through_is_read_with_its_secret_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    given = OIDC | {"WARMTRAIL_OIDC_CLIENT_SECRET": "", "WARMTRAIL_OIDC_CLIENT_SECRET_FILE": str(secret)}
    settings = read_settings(given)
    assert (settings.oidc_issuer, settings.oidc_client_id) == ("https://login.example.com/realms/staff", "warmtrail")
    assert (settings.oidc_client_secret, settings.oidc_name) == ("from a file", "Example 公司")
    for local in ("http://localhost:9000", "http://127.0.0.1:9000/x", "http://[::1]:9000"):
        assert read_settings(OIDC | {"WARMTRAIL_OIDC_ISSUER": local}).oidc_issuer == local


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("ISSUER", url)
            for url in ("http://login.example.com", "login.example.com", "https://", "ftp://login.example.com")
        ),
        *(("ISSUER", url) for url in ("https://a.example/?x=1", "https://a.example/#x", "https://u:p@a.example")),
        *(("ISSUER", url) for url in ("https://a.example:port", "https://[a", "https://a.example/\n")),
        *(("NAME", name) for name in ("x" * 41, "a\nb", " ")),
    ],
)
def test_a_provider_that_cannot_be_meant_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^WARMTRAIL_OIDC_{name} must be"):
        read_settings(OIDC | {f"WARMTRAIL_OIDC_{name}": value})
