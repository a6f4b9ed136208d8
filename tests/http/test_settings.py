"""Settings: read once, refused with every reason at once, and shown as the guide shows them."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mtchat_app.settings import Entry, Settings, SettingsError, ignored, reference

SECRET = "a-secret-of-more-than-thirty-two-bytes"
SECURE = {"JWT_SECRET": SECRET, "ADMIN_API_TOKEN": "t"}
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "configuration.md"


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        Settings.load(environ)
    return refusal.value.problems


def serving_problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        Settings.load(environ).check_serving()
    return refusal.value.problems


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_nothing_set_gives_the_defaults() -> None:
    settings = Settings.load({})

    assert (settings.host, settings.port, settings.database_schema) == ("0.0.0.0", 8080, "mtchat")
    assert (settings.database_url, settings.admin_tokens, settings.jwt_secrets) == (None, (), ())
    assert (settings.notification_delay_secs, settings.notification_max_delay_secs) == (30, 120)
    assert (settings.sockets_per_user, settings.sockets_per_node) == (20, 10_000)
    assert (settings.socket_queue_frames, settings.socket_queue_bytes) == (256, 1024 * 1024)


def test_an_empty_variable_is_not_set() -> None:
    empty = {entry.name: " " for entry in reference()}

    assert Settings.load(empty) == Settings.load({})


def test_values_are_read_in_their_kind() -> None:
    settings = Settings.load(
        {
            "PORT": "0",
            "LOG_LEVEL": "DEBUG",
            "NOTIFICATION_DELAY_SECS": "0.5",
            "RATE_LIMIT_ENABLED": "1",
            "JWT_AUDIENCE": " a, b ,",
            "DATABASE_URL": "postgresql://u:p@h/d",
            "CORS_ALLOWED_ORIGINS": "https://a.test, capacitor://localhost, http://[::1]:3000",
            "CORS_ALLOWED_METHODS": "get,patch",
        }
    )

    assert (settings.port, settings.log_level, settings.rate_limit_enabled) == (0, "debug", True)
    assert (settings.notification_delay_secs, settings.notification_max_delay_secs) == (0.5, 2)
    assert settings.jwt_audience == ("a", "b")
    assert settings.cors_allowed_origins == ("https://a.test", "capacitor://localhost", "http://[::1]:3000")
    assert settings.cors_allowed_methods == ("GET", "PATCH")


def test_every_problem_is_told_at_once_with_its_variable_and_without_its_value() -> None:
    wrong = {
        "PORT": "65536",
        "LOG_LEVEL": "c4n4ry",
        "DATABASE_URL": "mysql://c4n4ry",
        "DATABASE_SCHEMA": "c4n4ry-x",
        "DATABASE_MAX_CONNECTIONS": "c4n4ry",
        "JWT_SECRET": "c4n4ry",
        "JWT_PUBLIC_KEY": "/c4n4ry/nowhere",
        "JWT_JWKS_URL": "c4n4ry",
        "JWT_AUTH_ENABLED": "c4n4ry",
        "SCOPE_SOURCE": "c4n4ry",
        "WS_ALLOWED_ORIGINS": "https://c4n4ry/path",
        "CORS_ALLOWED_ORIGINS": "c4n4ry",
        "CORS_ALLOWED_HEADERS": "c4n4ry c4n4ry",
        "NOTIFICATION_DELAY_SECS": "-1",
        "SOCKETS_PER_USER": "0",
    }

    found = problems(**wrong)

    assert [sentence.split(" ")[0] for sentence in found] == [e.name for e in reference() if e.name in wrong]
    assert all(sentence.endswith(".") for sentence in found)
    assert "c4n4ry" not in str(found)


@pytest.mark.parametrize("port", ["-1", "8080 ", "80.0", "1e3", "٣", "0x50", "9" * 30, "+80"])
def test_a_number_is_digits(port: str) -> None:
    if port.strip() == "8080":
        assert Settings.load({"PORT": port}).port == 8080
    else:
        assert problems(PORT=port) == ("PORT must be a whole number from 0 to 65535.",)


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"CORS_ALLOW_CREDENTIALS": "true"}, "CORS_ALLOWED_ORIGINS"),
        ({"WEBHOOK_EVENTS": "message.new,message.edited"}, "WEBHOOK_EVENTS"),
        ({"WEBHOOK_SECRET": "whsec_no base64", "WEBHOOK_URL": "https://erp.example/"}, "WEBHOOK_SECRET"),
        ({"WEBHOOK_SECRET": "s", "WEBHOOK_URL": "http://169.254.169.254/"}, "WEBHOOK_URL"),
        (
            {"WEBHOOK_SECRET": "s", "WEBHOOK_URL": "http://10.1.2.3/", "WEBHOOK_DENY_PRIVATE": "true"},
            "WEBHOOK_URL",
        ),
        ({"CORS_ALLOW_CREDENTIALS": "true", "CORS_ALLOWED_ORIGINS": "*"}, "CORS_ALLOWED_ORIGINS"),
        ({"CORS_ALLOWED_ORIGINS": "https://a.test,*"}, "CORS_ALLOWED_ORIGINS"),
        ({"CORS_ALLOWED_ORIGINS": ","}, "CORS_ALLOWED_ORIGINS"),
        ({"NOTIFICATION_MAX_DELAY_SECS": "5"}, "NOTIFICATION_MAX_DELAY_SECS"),
        ({"ADMIN_API_TOKEN_PREVIOUS": "t"}, "ADMIN_API_TOKEN"),
        ({"S3_BUCKET": "files", "STORAGE_DIR": "/files", "PUBLIC_URL": "https://chat.test"}, "STORAGE_DIR"),
        ({"S3_BUCKET": "files", "S3_ACCESS_KEY_ID": "a"}, "S3_SECRET_ACCESS_KEY"),
        ({"S3_BUCKET": "files", "S3_PUBLIC_ENDPOINT": "https://s3.test"}, "S3_ENDPOINT"),
        ({"S3_ENDPOINT": "https://s3.test"}, "S3_BUCKET"),
        ({"S3_PRESIGN_UPLOAD_EXPIRY": "3601"}, "S3_PRESIGN_UPLOAD_EXPIRY"),
        ({"S3_PRESIGN_DOWNLOAD_EXPIRY": "604801"}, "S3_PRESIGN_DOWNLOAD_EXPIRY"),
        ({"STORAGE_DIR": "/files"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://chat.test/?a=b"}, "PUBLIC_URL"),
        ({"FILE_SCAN_URL": "https://scan.test/"}, "FILE_SCAN_SECRET"),
        ({"FILE_SCAN_URL": "http://169.254.169.254/", "FILE_SCAN_SECRET": "s"}, "FILE_SCAN_URL"),
        ({"JWT_SECRETS": f"{SECRET},short"}, "JWT_SECRETS"),
        ({"JWT_SECRET": "x" * 31}, "JWT_SECRET"),
        ({"JWT_SECRET": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBg"}, "JWT_PUBLIC_KEY"),
    ],
)
def test_what_does_not_fit_together_is_refused(environ: dict[str, str], variable: str) -> None:
    assert variable in problems(**environ)[0]


def test_a_secret_counts_its_bytes() -> None:
    assert Settings.load({"JWT_SECRET": "ж" * 16}).jwt_secrets == ("ж" * 16,)


def test_several_secrets_win_over_one_that_may_hold_commas() -> None:
    one = Settings.load({"JWT_SECRET": f"{SECRET},{SECRET}", "JWT_SECRETS": ""})
    several = Settings.load({"JWT_SECRET": SECRET, "JWT_SECRETS": f"{SECRET}-1, {SECRET}-2"})

    assert one.jwt_secrets == (f"{SECRET},{SECRET}",)
    assert several.jwt_secrets == (f"{SECRET}-1", f"{SECRET}-2")


def test_a_public_key_comes_inline_or_as_a_file(tmp_path: Path) -> None:
    pem = public_pem(ed25519.Ed25519PrivateKey.generate())
    file = tmp_path / "key.pem"
    file.write_text(pem)

    for given in (pem, pem.replace("\n", "\\n"), str(file)):
        settings = Settings.load({"JWT_PUBLIC_KEY": given})
        assert settings.jwt_public_key is not None
        assert settings.jwt_public_key.strip() == pem.strip()
        assert settings.is_jwt_on


def test_keys_that_can_not_check_are_refused(tmp_path: Path) -> None:
    private = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    binary = tmp_path / "key.bin"
    binary.write_bytes(b"\xff\xfe")
    unfit = [
        private.decode(),
        public_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        public_pem(ec.generate_private_key(ec.SECP384R1())),
        "-----BEGIN PUBLIC KEY-----\nrubbish\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----",
        str(binary),
        str(tmp_path),
    ]

    for given in unfit:
        assert problems(JWT_PUBLIC_KEY=given)[0].startswith("JWT_PUBLIC_KEY ")


# Serving


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/keys",
        "http://169.254.169.254./keys",
        "http://2852039166/keys",
        "http://0xa9fea9fe/keys",
        "http://0xa9.0xfe.0xa9.0xfe/keys",
        "http://0251.0376.0251.0376/keys",
        "http://169.254.43518/keys",
        "http://127.1/keys",
        "http://[::ffff:169.254.169.254]/keys",
        "http://[::ffff:a9fe:a9fe]/keys",
        "http://[2002:a9fe:a9fe::]/keys",
        "http://[fe80::1%25eth0]/keys",
        "http://[fd00:ec2::254]/keys",
        "http://100.100.100.200/keys",
        "http://metadata.google.internal/keys",
        "http://METADATA.google.internal./keys",
        "http://0.0.0.0/keys",
        "http://0/keys",
        "http://[::]/keys",
        "http://224.0.0.1/keys",
        "http://user:word@keys.test/",
        "http://keys.test@169.254.169.254/",
        "http://keys.test\\@169.254.169.254/",
        "http://keys.test /",
        "http:///keys",
        "http://keys.test:port/",
        "gopher://keys.test/",
        "//keys.test/",
    ],
)
def test_an_address_that_leads_elsewhere_than_it_says_is_refused_at_the_start_b68(url: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.load({"JWT_JWKS_URL": url})

    [problem] = refusal.value.problems
    assert problem.startswith("JWT_JWKS_URL must ")
    assert url not in problem


@pytest.mark.parametrize(
    "url",
    [
        "https://keys.test/.well-known/jwks.json?v=1",
        "http://127.0.0.1:8080/keys",
        "http://10.0.0.7/",
        "http://[::1]:1/",
    ],
)
def test_an_address_that_is_what_it_says_will_do_b68(url: str) -> None:
    assert Settings.load({"JWT_JWKS_URL": url}).jwt_jwks_url == url


def test_serving_needs_an_admin_token_and_a_key() -> None:
    found = serving_problems()

    assert len(found) == 2
    assert "ADMIN_API_TOKEN" in found[0]
    assert "JWT_SECRET" in found[1]


@pytest.mark.parametrize(
    "key", [{"JWT_SECRET": SECRET}, {"JWT_SECRETS": SECRET}, {"JWT_JWKS_URL": "https://keys.test"}]
)
def test_any_key_and_an_admin_token_will_do(key: dict[str, str]) -> None:
    settings = Settings.load({**key, "ADMIN_API_TOKEN": "t"})

    settings.check_serving()

    assert settings.insecurities() == []
    assert settings.scope_source == "token"


def test_what_is_open_on_purpose_serves_and_is_told() -> None:
    settings = Settings.load({"ALLOW_INSECURE_USER_ID": "true", "ALLOW_OPEN_MANAGEMENT": "true"})

    settings.check_serving()

    told = str(settings.insecurities())
    assert settings.scope_source == "header"
    assert all(name in told for name in ("ALLOW_INSECURE_USER_ID", "ALLOW_OPEN_MANAGEMENT", "SCOPE_SOURCE"))


def test_permission_without_need_is_no_insecurity() -> None:
    settings = Settings.load({**SECURE, "ALLOW_INSECURE_USER_ID": "true", "ALLOW_OPEN_MANAGEMENT": "true"})

    assert settings.insecurities() == []


def test_a_key_that_is_switched_off_does_not_serve_unless_insecurity_is_said() -> None:
    off = {**SECURE, "JWT_AUTH_ENABLED": "false"}

    assert "JWT_AUTH_ENABLED" in serving_problems(**off)[0]
    assert not Settings.load(off).is_jwt_on
    Settings.load({**off, "ALLOW_INSECURE_USER_ID": "true"}).check_serving()


def test_switching_tokens_on_needs_a_key() -> None:
    assert "JWT_SECRET" in serving_problems(JWT_AUTH_ENABLED="true", ADMIN_API_TOKEN="t")[0]


# Showing


def test_no_secret_shows() -> None:
    secrets = {
        "JWT_SECRET": f"{SECRET}-c4n4ry",
        "JWT_SECRETS": f"{SECRET}-c4n4ry",
        "ADMIN_API_TOKEN": "c4n4ry",
        "ADMIN_API_TOKEN_PREVIOUS": "c4n4ry",
        "DATABASE_URL": "postgres://u:c4n4ry@h/d",
        "S3_BUCKET": "files",
        "S3_ACCESS_KEY_ID": "c4n4ry",
        "S3_SECRET_ACCESS_KEY": "c4n4ry",
        "FILE_SCAN_URL": "https://scan.test/",
        "FILE_SCAN_SECRET": "c4n4ry",
    }

    assert "c4n4ry" not in repr(Settings.load(secrets))


def test_variables_of_the_original_that_do_nothing_yet_are_named() -> None:
    environ = {
        "SENTRY_DSN": "x",
        "NOTIFICATION_CONCURRENCY": "",
        "S3_BUCKET": "x",
        "WEBHOOK_URL": "x",
        "RUST_LOG": "info",
        "PORT": "1",
        "HOME": "/",
    }

    assert [sentence.split(" ")[0] for sentence in ignored(environ)] == ["RUST_LOG", "SENTRY_DSN"]


def rows(entries: Iterable[Entry]) -> Iterable[str]:
    for entry in entries:
        default = f"`{entry.default}`" if entry.default else ""
        unit = f" ({entry.unit})" if entry.unit else ""
        yield f"| `{entry.name}` | {default} | {entry.help}{unit} |"


def test_the_guide_lists_every_setting_as_it_is() -> None:
    guide = GUIDE.read_text()
    wanted = list(rows(reference()))

    listed = [line for line in guide.splitlines() if line.startswith("| `")]

    assert listed == wanted, "the guide's rows should read:\n" + "\n".join(wanted)
