"""Who asks: tokens, admin tokens, scopes, handshakes and limits (B4, B18-B29, B36, B37, B63, B64)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from structlog.testing import capture_logs

from mtchat_app.http.errors import RateLimited
from mtchat_app.http.front import Front
from mtchat_app.http.identity import MAX_CACHED_SECONDS, KeySet, Verifier
from mtchat_app.http.limits import MAX_BUCKETS, Buckets
from mtchat_app.settings import Settings
from tests.http.house import (
    ADMIN,
    ID,
    OPEN,
    SECRET,
    SECURE,
    Answer,
    house,
    knock,
    knock_for_socket,
    refused_socket,
)

NOW = time.time()
ME, MAKE = "/api/v1/me", f"/api/v1/things/{ID}/make"
OTHER_SECRET = "another-secret-of-more-than-thirty-two-bytes"
SCOPES = {"scope_level0": ["org-7"], "scope_level1": ["a", "b"]}
AS_LEVELS = [["org-7"], ["a", "b"], []]

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    """What is logged meanwhile."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture(scope="module")
def front() -> Front:
    """The doors, with tokens on."""
    return house()


def token(claims: dict[str, Any] | None = None, secret: str = SECRET, **more: Any) -> str:
    return jwt.encode({"sub": "ana", **more} if claims is None else claims, secret, algorithm="HS256")


def raw_token(payload: bytes, header: bytes = b'{"alg":"HS256","typ":"JWT"}', secret: str = SECRET) -> str:
    """Sign anything at all, as no library would."""

    def encode(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    signed = encode(header) + b"." + encode(payload)
    return (signed + b"." + encode(hmac.digest(secret.encode(), signed, hashlib.sha256))).decode()


def bearer(value: str | bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"authorization", b"Bearer " + (value.encode() if isinstance(value, str) else value)),)


def pem(key: Any) -> str:
    text: str = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return text


def scope_header(value: object) -> tuple[bytes, bytes]:
    document = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return b"x-scope-config", base64.b64encode(document)


async def me(front: Front, bearer_token: str, query: str = "") -> Answer:
    return await knock(front, f"{ME}{query}", bearer(bearer_token))


# A token's person


async def test_a_person_is_who_the_token_says_g10(front: Front) -> None:
    answer = await me(front, token(sub="Ana Übermut", exp=NOW + 3600))

    assert answer.data == {"user_id": "Ana Übermut", "scopes": None, "expires_at": NOW + 3600}


async def test_a_whole_number_names_a_person_too(front: Front) -> None:
    for number, name in ((42, "42"), (-7, "-7"), (0, "0")):
        assert (await me(front, token(sub=number))).data["user_id"] == name


@pytest.mark.parametrize(
    "value", ["", " ", "\t\n", "x" * 256, "a\x00b", 1.0, 1.5, True, False, None, ["ana"], {"id": "ana"}, 10**30]
)
async def test_a_claim_that_names_nobody_is_refused_b22_b23(front: Front, value: object) -> None:
    assert (await me(front, raw_token(json.dumps({"sub": value}).encode()))).refusal == (401, "UNAUTHORIZED")


async def test_a_token_without_the_claim_is_refused(front: Front) -> None:
    assert (await me(front, token({"name": "ana"}))).refusal == (401, "UNAUTHORIZED")


async def test_the_claim_has_the_name_the_settings_give_it() -> None:
    front = house({**SECURE, "JWT_USER_ID_CLAIM": "employee_id"})

    assert (await me(front, token({"employee_id": 7, "sub": "ana"}))).data["user_id"] == "7"


# Signatures


async def test_only_the_algorithm_of_the_key_counts_b18(front: Front) -> None:
    claims = {"sub": "ana"}
    foreign = [
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, SECRET * 2, algorithm="HS384"),
        jwt.encode(claims, SECRET * 2, algorithm="HS512"),
        jwt.encode(claims, RSA_KEY, algorithm="RS256"),
        raw_token(b'{"sub":"ana"}', b'{"alg":"none"}'),
        raw_token(b'{"sub":"ana"}', b'{"alg":"HS384"}'),
        raw_token(b'{"sub":"ana"}', b'{"alg":["HS256"]}'),
        raw_token(b'{"sub":"ana"}', b'{"alg":null}'),
        raw_token(b'{"sub":"ana"}', b"{}"),
        raw_token(b'{"sub":"ana"}').rpartition(".")[0] + ".",
        token(secret=OTHER_SECRET),
        token()[:-2] + "xx",
    ]
    for candidate in foreign:
        answer = await me(front, candidate)

        assert answer.refusal == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")], ids=["rsa", "ec", "ed25519"]
)
async def test_a_public_key_checks_with_its_own_algorithm_alone_b18_g10(key: Any, algorithm: str) -> None:
    public = pem(key)
    front = house({"JWT_PUBLIC_KEY": public, "ADMIN_API_TOKEN": ADMIN})
    good = jwt.encode({"sub": "ana"}, key, algorithm=algorithm)

    assert (await me(front, good)).data["user_id"] == "ana"
    # The classic: the public key, which everybody has, taken for an HMAC secret.
    forged = [raw_token(b'{"sub":"ana"}', secret=secret) for secret in (public, public.strip(), "")]
    others = [token(), good[:-3] + "AAA", raw_token(b'{"sub":"ana"}', json.dumps({"alg": algorithm}).encode())]
    for candidate in forged + others:
        assert (await me(front, candidate)).refusal == (401, "UNAUTHORIZED")


async def test_an_rsa_key_does_not_check_other_rsa_algorithms() -> None:
    front = house({"JWT_PUBLIC_KEY": pem(RSA_KEY), "ADMIN_API_TOKEN": ADMIN})

    for algorithm in ("RS384", "RS512", "PS256"):
        assert (await me(front, jwt.encode({"sub": "ana"}, RSA_KEY, algorithm=algorithm))).status == 401


async def test_several_secrets_count_in_any_order_and_a_comma_belongs_to_a_single_one() -> None:
    with_comma = "a-secret, with a comma, and more than thirty-two bytes"
    rotating = house(
        {"JWT_SECRETS": f"{SECRET}, {OTHER_SECRET}", "JWT_SECRET": with_comma, "ADMIN_API_TOKEN": ADMIN}
    )
    single = house({"JWT_SECRET": with_comma, "ADMIN_API_TOKEN": ADMIN})

    assert [(await me(rotating, token(secret=s))).status for s in (SECRET, OTHER_SECRET, with_comma)] == [
        200,
        200,
        401,
    ]
    assert (await me(single, token(secret=with_comma))).status == 200


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "HS256", "crit": ["exp"], "exp": 1},
        {"alg": "HS256", "crit": []},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "b64": True},
    ],
)
async def test_a_token_that_asks_for_more_than_we_understand_is_refused_b25(front: Front, header: Any) -> None:
    answer = await me(front, raw_token(b'{"sub":"ana"}', json.dumps(header).encode()))

    assert answer.refusal == (401, "UNAUTHORIZED")


async def test_addresses_and_paths_in_a_token_are_never_followed_b25(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trap(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(httpx.AsyncClient, "__init__", trap)
    elsewhere = {"jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/", "kid": "../../../../dev/null"}

    mine = jwt.encode({"sub": "ana"}, SECRET, algorithm="HS256", headers=elsewhere)
    theirs = jwt.encode({"sub": "ana"}, RSA_KEY, algorithm="RS256", headers=elsewhere)

    assert (await me(front, mine)).status == 200
    assert (await me(front, theirs)).status == 401


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "x",
        "ж",
        "e30.e30.e30",
        "=.=.=",
        base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.e30",
        base64.urlsafe_b64encode(b'{"alg":"HS256","kid":5}').decode().rstrip("=") + ".e30.e30",
    ],
)
async def test_rubbish_is_no_token(front: Front, value: str) -> None:
    assert (await me(front, value)).refusal == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'"ana"',
        b"null",
        b"",
        b"\xff",
        b'{"sub":"ana","sub":"bo"}',
        b'{"sub":"\\ud800"}',
        b'{"sub":"ana","exp":NaN}',
        b'{"sub":"ana","x":' + b"[" * 3000 + b"]" * 3000 + b"}",
    ],
)
async def test_a_well_signed_token_still_has_to_make_sense(front: Front, payload: bytes) -> None:
    assert (await me(front, raw_token(payload))).refusal == (401, "UNAUTHORIZED")


async def test_a_giant_token_is_not_even_read_b26(front: Front) -> None:
    assert (await me(front, token(padding="x" * 9000))).refusal == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "prefix", [b"", b"bearer ", b"BEARER ", b"Bearer", b"Bearer  ", b" Bearer ", b"Basic ", b"Token "]
)
async def test_the_word_is_bearer_and_one_blank_b27(front: Front, prefix: bytes) -> None:
    answer = await knock(front, ME, ((b"authorization", prefix + token().encode()),))

    assert answer.refusal == (401, "UNAUTHORIZED")


async def test_no_token_is_no_person_g10(front: Front) -> None:
    assert (await knock(front, f"{ME}?user_id=ana")).refusal == (401, "UNAUTHORIZED")


# Times, issuers, audiences


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": NOW + 3600}, None),
        ({"exp": NOW - 59}, None),
        ({"exp": NOW - 61}, "TOKEN_EXPIRED"),
        ({"exp": 0}, "TOKEN_EXPIRED"),
        ({"exp": -1}, "TOKEN_EXPIRED"),
        ({"exp": 1e300}, None),
        ({"nbf": NOW + 59}, None),
        ({"nbf": NOW + 61}, "UNAUTHORIZED"),
        ({"exp": str(NOW + 3600)}, "UNAUTHORIZED"),
        ({"exp": None}, "UNAUTHORIZED"),
        ({"exp": True}, "UNAUTHORIZED"),
        ({"exp": [1]}, "UNAUTHORIZED"),
        ({"nbf": "0"}, "UNAUTHORIZED"),
        ({"iat": NOW + 3600}, None),
        ({"iat": "yesterday"}, None),
        ({"aud": "somebody"}, None),
        ({"aud": ["a", "b"]}, None),
        ({"iss": "anybody"}, None),
    ],
)
async def test_times_count_when_present_with_a_minute_of_leeway_b21(
    claims: dict[str, Any], code: str | None
) -> None:
    answer = await me(house(now=NOW), raw_token(json.dumps({"sub": "ana", **claims}).encode()))

    assert (None if answer.status == 200 else answer.refusal[1]) == code
    assert answer.status in (200, 401)


async def test_a_token_may_have_to_expire() -> None:
    front = house({**SECURE, "JWT_REQUIRE_EXP": "true"})

    assert (await me(front, token())).refusal == (401, "UNAUTHORIZED")
    assert (await me(front, token(exp=NOW + 3600))).status == 200


async def test_audience_and_issuer_count_once_they_are_configured_b24() -> None:
    front = house({**SECURE, "JWT_AUDIENCE": "chat, desk", "JWT_ISSUER": "https://host.test"})
    good: dict[str, Any] = {"sub": "ana", "iss": "https://host.test", "aud": ["other", "desk"]}
    bad: list[dict[str, Any]] = [
        {"aud": "else"},
        {"aud": []},
        {"aud": None},
        {"aud": {"chat": 1}},
        {"iss": "x"},
        {"iss": ["https://host.test"]},
    ]

    async def ask(claims: dict[str, Any]) -> Answer:
        return await me(front, raw_token(json.dumps(claims).encode()))

    assert (await ask(good)).status == 200
    assert (await ask({**good, "aud": "chat"})).status == 200
    for change in bad:
        assert (await ask({**good, **change})).refusal == (401, "UNAUTHORIZED")
    assert (await ask({"sub": "ana", "iss": good["iss"]})).refusal == (401, "UNAUTHORIZED")


# Remembering


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


def verifier(environ: dict[str, str] | None = None) -> tuple[Verifier, Clock]:
    found = Verifier.of(Settings.load(environ or {"JWT_SECRET": SECRET}))
    assert found is not None
    found.now = clock = Clock()
    return found, clock


async def test_a_good_token_is_checked_once_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    checking, clock = verifier()
    checked: list[int] = []
    original = Verifier._claims

    async def counting(self: Verifier, token: bytes) -> Any:
        checked.append(1)
        return await original(self, token)

    monkeypatch.setattr(Verifier, "_claims", counting)
    mine = token(exp=NOW + 100).encode()

    for _ in range(3):
        assert (await checking.verify(mine)).user_id == "ana"
    assert len(checked) == 1
    clock.at += 100 + 61
    answer = await knock(house(now=clock.at), ME, bearer(mine))
    assert answer.refusal == (401, "TOKEN_EXPIRED")


async def test_a_remembered_token_ends_with_its_time_or_its_key() -> None:
    checking, clock = verifier()
    short, lasting = token(exp=NOW + 100).encode(), token(sub="bo").encode()
    await checking.verify(short)
    await checking.verify(lasting)

    clock.at += 161
    with pytest.raises(Exception, match="expired"):
        await checking.verify(short)
    checking.keys = ()
    assert (await checking.verify(lasting)).user_id == "bo"
    clock.at += MAX_CACHED_SECONDS
    with pytest.raises(Exception, match="valid token"):
        await checking.verify(lasting)


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtchat_app.http.identity.MAX_CACHED", 3)
    checking, _ = verifier()

    for number in range(10):
        await checking.verify(token(sub=number).encode())

    assert len(checking._good) == 3


# Key sets


def jwk(algorithm: Any, key: Any, **more: Any) -> dict[str, Any]:
    return {**json.loads(algorithm.to_jwk(key.public_key())), **more}


class Issuer:
    """An identity provider: its key set, and how often it was asked."""

    def __init__(self, *keys: Any) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.answers: Callable[[], httpx.Response] = lambda: httpx.Response(200, json={"keys": self.keys})
        self.clock = Clock()
        transport = httpx.MockTransport(self._answer)
        self.key_set = KeySet("https://keys.test/jwks", transport=transport, clock=self.clock)

    def _answer(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.answers()

    def house(self) -> Front:
        environ = {"JWT_JWKS_URL": "https://keys.test/jwks", "ADMIN_API_TOKEN": ADMIN}
        return house(environ, key_set=self.key_set)


def signed(key: Any, algorithm: str, kid: object = None, sub: str = "ana") -> str:
    return jwt.encode({"sub": sub}, key, algorithm=algorithm, headers=None if kid is None else {"kid": kid})


async def test_a_key_set_checks_each_token_with_the_key_it_names() -> None:
    issuer = Issuer(
        jwk(RSAAlgorithm, RSA_KEY, kid="r", use="sig", alg="RS256"),
        jwk(ECAlgorithm, EC_KEY, kid="e"),
        jwk(OKPAlgorithm, ED_KEY, kid="o"),
    )
    front = issuer.house()

    for key, algorithm, kid in ((RSA_KEY, "RS256", "r"), (EC_KEY, "ES256", "e"), (ED_KEY, "EdDSA", "o")):
        assert (await me(front, signed(key, algorithm, kid))).status == 200
        assert (await me(front, signed(key, algorithm))).status == 200
    assert issuer.asked == 1
    assert (await me(front, signed(RSA_KEY, "RS256", "e"))).status == 401
    assert (await me(front, token())).status == 401


async def test_entries_that_are_no_keys_for_us_are_ignored() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP384R1())
    secret = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="), "alg": "HS256"}
    issuer = Issuer(
        secret,
        jwk(RSAAlgorithm, small, kid="small"),
        jwk(ECAlgorithm, curve, kid="curve"),
        jwk(RSAAlgorithm, RSA_KEY, kid="enc", use="enc"),
        jwk(RSAAlgorithm, RSA_KEY, kid="alg", alg="RS512"),
        {"kty": "RSA", "kid": "half"},
        {"kty": ["RSA"]},
        *[7, None, "key"],
        jwk(ECAlgorithm, EC_KEY, kid="good"),
    )
    front = issuer.house()

    assert (await me(front, signed(EC_KEY, "ES256", "good"))).status == 200
    assert (await me(front, token())).status == 401
    for kid in ("small", "enc", "alg", "half"):
        assert (await me(front, signed(RSA_KEY, "RS256", kid))).status == 401


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_too_often() -> None:
    issuer = Issuer(jwk(ECAlgorithm, EC_KEY, kid="old"))
    front = issuer.house()
    await me(front, signed(EC_KEY, "ES256", "old"))
    issuer.keys.append(jwk(RSAAlgorithm, RSA_KEY, kid="new"))

    assert (await me(front, signed(RSA_KEY, "RS256", "new"))).status == 401
    issuer.clock.at += 11
    assert (await me(front, signed(RSA_KEY, "RS256", "new"))).status == 200
    for number in range(20):
        await me(front, signed(RSA_KEY, "RS256", f"guess-{number}"))
    assert issuer.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(500),
        lambda: httpx.Response(302, headers={"Location": "https://elsewhere.test/"}),
        lambda: httpx.Response(200, text="<html>"),
        lambda: httpx.Response(200, json=[]),
        lambda: httpx.Response(200, json={"keys": 7}),
        lambda: httpx.Response(200, content=b" " * 1_100_000),
    ],
)
async def test_while_an_issuer_is_down_its_keys_stay_good(answer: Any, lines: list[Any]) -> None:
    issuer = Issuer(jwk(ECAlgorithm, EC_KEY, kid="k"))
    front = issuer.house()
    assert (await me(front, signed(EC_KEY, "ES256", "k"))).status == 200

    issuer.answers = answer
    issuer.clock.at += 601

    assert (await me(front, signed(EC_KEY, "ES256", "k", sub="bo"))).status == 200
    assert issuer.asked == 2
    assert "the key set could not be read" in [line["event"] for line in lines]


async def test_an_issuer_that_never_answered_is_no_fault_of_the_caller() -> None:
    issuer = Issuer()

    def refuse() -> httpx.Response:
        raise httpx.ConnectError("no route")

    issuer.answers = refuse
    answer = await me(issuer.house(), signed(EC_KEY, "ES256", "k"))

    assert answer.refusal == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"]


async def test_a_key_set_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys with blanks.json"
    file.write_text(json.dumps({"keys": [jwk(OKPAlgorithm, ED_KEY, kid="k")]}))
    front = house({"JWT_JWKS_URL": file.as_uri(), "ADMIN_API_TOKEN": ADMIN})

    assert (await me(front, signed(ED_KEY, "EdDSA", "k"))).status == 200


# The query


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?user_id=ana", 200),
        ("?sender_id=ana&user_id=ana&user_id=ana", 200),
        ("?user_id=bo", 403),
        ("?sender_id=bo", 403),
        ("?user_id=ana&user_id=bo", 403),
        ("?user_id=ana&sender_id=bo", 403),
        ("?user_id=", 403),
        ("?user_id", 403),
        ("?user_id=Ana", 403),
        ("?user_id=ana%20", 403),
        ("?user_id=%61na", 200),
    ],
)
async def test_the_query_repeats_the_token_or_is_refused_b19_b20(front: Front, query: str, status: int) -> None:
    answer = await me(front, token(), query)

    assert answer.status == status
    if status == 403:
        assert answer.refusal == (403, "FORBIDDEN")
        assert answer.sentence.startswith("Forbidden")


@pytest.mark.parametrize(
    ("query", "user"),
    [
        ("?user_id=ana", "ana"),
        ("?sender_id=bo&user_id=ana", "bo"),
        ("?x=1&user_id=a+b%2B%D0%B6", "a b+ж"),
        ("?user_id=ana&user_id=bo", "ana"),
    ],
)
async def test_without_tokens_the_first_name_in_the_query_counts(query: str, user: str) -> None:
    assert (await knock(house(OPEN), ME + query)).data["user_id"] == user


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?user_id=",
        "?user_id",
        "?user_id=&sender_id=ana",
        f"?user_id={'x' * 256}",
        "?user_id=%ff",
        "?user_id=%00",
    ],
)
async def test_without_tokens_a_name_is_needed(query: str) -> None:
    assert (await knock(house(OPEN), ME + query)).refusal == (400, "BAD_REQUEST")


async def test_a_key_that_is_switched_off_does_not_open_the_door() -> None:
    off = {**SECURE, "JWT_AUTH_ENABLED": "false"}
    shut, open_ = house(off), house({**off, "ALLOW_INSECURE_USER_ID": "true"})

    for query, headers in (("", bearer(token())), ("?user_id=ana", ())):
        assert (await knock(shut, ME + query, headers)).refusal == (401, "UNAUTHORIZED")
    assert (await knock(open_, f"{ME}?user_id=bo", bearer(token()))).data["user_id"] == "bo"


async def test_insecurity_is_not_believed_next_to_a_key_g10() -> None:
    front = house({**SECURE, "ALLOW_INSECURE_USER_ID": "true", "ALLOW_OPEN_MANAGEMENT": "true"})

    assert (await knock(front, f"{ME}?user_id=ana")).refusal == (401, "UNAUTHORIZED")
    assert (await knock(front, "/api/v1/management/host")).refusal == (401, "UNAUTHORIZED")


# Scopes


async def test_scopes_come_from_the_token(front: Front) -> None:
    assert (await me(front, token(scopes=SCOPES))).data["scopes"] == AS_LEVELS
    assert (await me(front, token(scopes={}))).data["scopes"] == [[], [], []]
    assert (await me(front, token(scopes=None))).data["scopes"] is None


async def test_the_claim_of_scopes_has_the_name_the_settings_give_it() -> None:
    front = house({**SECURE, "JWT_SCOPE_CLAIM": "chat"})

    assert (await me(front, token(scopes="read write", chat=SCOPES))).data["scopes"] == AS_LEVELS


BAD_SCOPES: list[object] = [
    [],
    "org-7",
    7,
    {"scope_level0": None},
    {"scope_level0": "org-7"},
    {"scope_level1": [7]},
    {"scope_level2": [["a"]]},
    {"scope_level0": ["a"] * 101},
    {"scope_level0": ["a" * 256]},
    {"scope_level0": ["\x00"]},
]


@pytest.mark.parametrize("scopes", BAD_SCOPES)
async def test_a_token_with_scopes_that_are_none_is_refused_with_a_reason(front: Front, scopes: object) -> None:
    answer = await me(front, token(scopes=scopes))

    assert answer.refusal == (401, "UNAUTHORIZED")
    if scopes != {"scope_level0": ["\x00"]}:
        assert "scopes" in answer.sentence


async def test_the_header_is_not_looked_at_where_tokens_carry_scopes_b37(front: Front) -> None:
    for value in (scope_header(SCOPES), (b"x-scope-config", b"rubbish")):
        answer = await knock(front, ME, (*bearer(token()), value))

        assert answer.data["scopes"] is None


@pytest.fixture(scope="module", params=["insecure", "asked for"])
def by_header(request: pytest.FixtureRequest) -> tuple[Front, str, tuple[tuple[bytes, bytes], ...]]:
    """Doors that read the header, with a query and headers to come in by."""
    if request.param == "insecure":
        return house(OPEN), "?user_id=ana", ()
    return house({**SECURE, "SCOPE_SOURCE": "header"}), "", bearer(token(scopes={"scope_level0": ["signed"]}))


ByHeader = tuple[Front, str, tuple[tuple[bytes, bytes], ...]]


async def test_scopes_may_come_from_the_header(by_header: ByHeader) -> None:
    front, query, headers = by_header

    async def levels(*scopes: tuple[bytes, bytes]) -> Any:
        return (await knock(front, ME + query, (*headers, *scopes))).data["scopes"]

    assert await levels(scope_header(SCOPES)) == AS_LEVELS
    assert await levels(scope_header({"scope_level0": ["ж😀"], "unknown": 1})) == [["ж😀"], [], []]
    assert await levels(scope_header({"scope_level0": ["a", "a"]})) == [["a"], [], []]
    assert await levels(scope_header({"scope_level0": [f"{i}" for i in range(100)]})) is not None
    assert await levels() is None
    assert await levels((b"x-scope-config", "ж".encode())) is None
    assert await levels((b"x-scope-config", b"\x7f")) is None


MALFORMED = [
    (b"x-scope-config", value)
    for value in (
        b"",
        b"rubbish",
        b"e30",
        b"e3 0=",
        b"e30=\t",
        b"_-8=",
        b"eyJhIjoiPz8_In0=",
        b"%7B%7D",
        b"{}",
        b"e30==",
    )
] + [
    scope_header(value)
    for value in (*BAD_SCOPES, b"", b"null", b"{", b"\xff", b'{"a":1,"a":1}', b"\xef\xbb\xbf{}")
]


@pytest.mark.parametrize("scopes", MALFORMED)
async def test_a_malformed_header_is_refused_where_it_is_read_b36(
    by_header: ByHeader, scopes: tuple[bytes, bytes]
) -> None:
    front, query, headers = by_header
    is_absent = b"\t" in scopes[1]

    read = await knock(front, ME + query, (*headers, scopes))
    unread = await knock(front, f"/api/v1/unscoped{query}", (*headers, scopes))

    assert unread.data is False
    assert read.status == 200 if is_absent else read.refusal == (400, "BAD_REQUEST")


async def test_an_oversized_header_is_refused_b36(by_header: ByHeader) -> None:
    front, query, headers = by_header

    answer = await knock(front, ME + query, (*headers, scope_header({"scope_level0": ["a" * 20_000]})))

    assert answer.refusal == (431, "BAD_REQUEST")


# The order of checks


async def test_each_check_comes_before_the_next() -> None:
    front = house({**SECURE, "SCOPE_SOURCE": "header"})
    json_type = (b"content-type", b"application/json")

    async def ask(
        *,
        good: bool = True,
        who: str = "ana",
        scopes: bytes = b"e30=",
        thing: str = ID,
        limit: str = "1",
        body: bytes = b"{}",
    ) -> Answer:
        headers = (*bearer(token() if good else "x"), (b"x-scope-config", scopes), json_type)
        path = MAKE.replace(ID, thing) + f"?user_id={who}&limit={limit}"
        return await knock(front, path, headers, method="POST", body=body)

    everything: dict[str, Any] = {
        "good": False,
        "who": "bo",
        "scopes": b"rubbish",
        "thing": "rubbish",
        "limit": "rubbish",
        "body": b"rubbish",
    }
    sentences = []
    while everything:
        sentences.append((await ask(**everything)).sentence)
        everything.pop(next(iter(everything)))

    assert [sentence.split(" ")[0] for sentence in sentences] == [
        "Send",
        "Forbidden:",
        "X-Scope-Config",
        "thing_id",
        "limit",
        "The",
    ]


# The host


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        (None, (401, "UNAUTHORIZED")),
        (b"", (401, "UNAUTHORIZED")),
        (ADMIN.encode(), (401, "UNAUTHORIZED")),
        (b"bearer " + ADMIN.encode(), (401, "UNAUTHORIZED")),
        (b"Basic " + ADMIN.encode(), (401, "UNAUTHORIZED")),
        (b"Bearer ", (403, "FORBIDDEN")),
        (b"Bearer " + ADMIN[:-1].encode(), (403, "FORBIDDEN")),
        (b"Bearer " + ADMIN.encode() + b" ", (403, "FORBIDDEN")),
        (b"Bearer \xff", (403, "FORBIDDEN")),
    ],
)
async def test_the_management_is_for_the_admin_token_b28(
    front: Front, header: bytes | None, refusal: tuple[int, str]
) -> None:
    answer = await knock(front, "/api/v1/management/host", () if header is None else ((b"authorization", header),))

    assert answer.refusal == refusal
    if refusal[0] == 403:
        assert answer.sentence.startswith("Forbidden")
    else:
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_token_before_counts_while_hosts_change_over() -> None:
    front = house({**SECURE, "ADMIN_API_TOKEN_PREVIOUS": "the-old-one"})

    statuses = [
        (await knock(front, "/api/v1/management/host", bearer(known))).status
        for known in (ADMIN, "the-old-one", "else")
    ]

    assert statuses == [200, 200, 403]


async def test_every_admin_token_is_compared_in_constant_time_whatever_matches_b28(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    front = house({**SECURE, "ADMIN_API_TOKEN_PREVIOUS": "the-old-one"})
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def spy(given: bytes, known: bytes) -> bool:
        compared.append((len(given), len(known)))
        return compare(given, known)

    monkeypatch.setattr(hmac, "compare_digest", spy)

    for candidate in (ADMIN, "the-old-one", "", "x" * 5000):
        compared.clear()
        await knock(front, "/api/v1/management/host", bearer(candidate))
        assert compared == [(32, 32)] * 2


async def test_a_persons_token_does_not_open_the_management(front: Front) -> None:
    assert (await knock(front, "/api/v1/management/host", bearer(token()))).refusal == (403, "FORBIDDEN")


async def test_the_management_opens_only_when_that_was_said() -> None:
    said, unsaid = house(OPEN), house({"JWT_SECRET": SECRET})

    for headers in ((), bearer("anything"), ((b"authorization", b""),)):
        assert (await knock(said, "/api/v1/management/host", headers)).status == 200
    assert (await knock(unsaid, "/api/v1/management/host")).refusal == (401, "UNAUTHORIZED")
    assert (await knock(unsaid, "/api/v1/management/host", bearer(""))).refusal == (403, "FORBIDDEN")


# Sockets


async def test_a_socket_needs_a_token_of_its_own_b29(front: Front) -> None:
    for target in ("/api/v1/ws", "/api/v1/ws?token=", "/api/v1/ws?token=x", "/api/v1/ws?user_id=ana"):
        assert (await refused_socket(front, target, bearer(token()))).refusal == (401, "UNAUTHORIZED")
    expired = await refused_socket(front, f"/api/v1/ws?token={token(exp=0)}")
    assert expired.refusal == (401, "TOKEN_EXPIRED")


async def test_a_socket_knows_whose_it_is_and_until_when(front: Front) -> None:
    sent = await knock_for_socket(front, f"/api/v1/ws?token={token(exp=NOW + 3600)}&user_id=ana")

    assert json.loads(sent[1]["text"]) == {"user_id": "ana", "expires_at": NOW + 3600}


async def test_listed_origins_may_open_sockets_and_other_pages_may_not_b29() -> None:
    front = house({**SECURE, "WS_ALLOWED_ORIGINS": "https://app.test,https://desk.test"})
    target = f"/api/v1/ws?token={token()}"

    for good in (((b"origin", b"https://desk.test"),), ()):
        assert (await knock_for_socket(front, target, good))[0]["type"] == "websocket.accept"
    for bad in (b"https://evil.test", b"null", b"https://app.test.evil.test", b""):
        assert (await refused_socket(front, target, ((b"origin", bad),))).refusal == (403, "FORBIDDEN")


async def test_without_tokens_a_socket_needs_a_name() -> None:
    front = house(OPEN)

    for target in ("/api/v1/ws", "/api/v1/ws?user_id=", "/api/v1/ws?sender_id=ana"):
        assert (await refused_socket(front, target)).refusal == (400, "BAD_REQUEST")
    assert "a b" in (await knock_for_socket(front, "/api/v1/ws?user_id=a+b"))[1]["text"]


# Limits


def limited(**more: str) -> Front:
    return house({**SECURE, "RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_RPS": "1", "RATE_LIMIT_BURST": "3", **more})


async def test_each_person_has_a_bucket_of_their_own() -> None:
    front = limited()

    mine = [await me(front, token()) for _ in range(4)]
    theirs = await me(front, token(sub="bo"))
    health = [(await knock(front, "/health")).status for _ in range(10)]

    assert [answer.status for answer in mine] == [200, 200, 200, 429]
    assert mine[3].refusal == (429, "RATE_LIMIT_EXCEEDED")
    assert mine[3].headers["retry-after"] == "1"
    assert mine[3].headers["access-control-allow-origin"] == "*"
    assert theirs.status == 200
    assert set(health) == {200}


async def test_guessing_tokens_counts_against_the_address_b63() -> None:
    front = limited()

    guesses = [(await me(front, f"guess-{n}")).status for n in range(5)]

    assert guesses == [401, 401, 401, 429, 429]
    assert (await me(front, token())).status == 200
    hosts = limited()
    asked = [(await knock(hosts, "/api/v1/management/host", bearer(f"guess-{n}"))).status for n in range(5)]
    assert asked == [403, 403, 403, 429, 429]


async def test_failures_are_limited_by_default_and_valid_tokens_are_never_shut_out_b63() -> None:
    front = house({**SECURE, "AUTH_FAILURES_RPS": "1", "AUTH_FAILURES_BURST": "3"})
    host = "/api/v1/management/host"

    guesses = [await me(front, f"guess-{n}") for n in range(4)]
    assert [guess.status for guess in guesses] == [401, 401, 401, 429]
    assert guesses[3].refusal == (429, "RATE_LIMIT_EXCEEDED")
    assert guesses[3].headers["retry-after"] == "1"
    assert (await knock(front, host, bearer("guess"))).status == 429
    assert (await refused_socket(front, "/api/v1/ws?token=guess")).refusal == (429, "RATE_LIMIT_EXCEEDED")

    for _ in range(20):
        assert (await me(front, token())).status == 200
        assert (await knock(front, host, bearer(ADMIN))).status == 200
    assert (await me(front, token(exp=0))).refusal == (401, "TOKEN_EXPIRED")


async def test_expired_tokens_are_no_guesses_b63() -> None:
    front = house({**SECURE, "AUTH_FAILURES_BURST": "1"})

    assert {(await me(front, token(exp=0))).status for _ in range(20)} == {401}


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("not:an:address", "not:an:address", True),
    ],
)
async def test_each_address_fails_for_itself_b63(first: str, second: str, is_one: bool) -> None:
    front = house({**SECURE, "AUTH_FAILURES_BURST": "1"})

    statuses = [(await knock(front, ME, bearer("guess"), client=(who, 1))).status for who in (first, second)]

    assert statuses == [401, 429 if is_one else 401]


async def test_sockets_count_too_b63() -> None:
    front = limited(RATE_LIMIT_BURST="1")
    target = f"/api/v1/ws?token={token()}"

    assert (await knock_for_socket(front, target))[0]["type"] == "websocket.accept"
    assert (await refused_socket(front, target)).refusal == (429, "RATE_LIMIT_EXCEEDED")


async def test_saying_and_joining_have_budgets_of_their_own_b64() -> None:
    front = limited(RATE_LIMIT_BURST="100", RATE_LIMIT_MESSAGES_BURST="2", RATE_LIMIT_MEMBERSHIP_BURST="1")

    async def statuses(path: str) -> list[int]:
        return [(await knock(front, path, bearer(token()), method="POST")).status for _ in range(3)]

    assert await statuses("/api/v1/say") == [200, 200, 429]
    assert await statuses("/api/v1/join") == [200, 429, 429]
    assert (await me(front, token())).status == 200


async def test_nothing_is_limited_unless_asked_for(front: Front) -> None:
    statuses = {(await knock(front, "/api/v1/join", bearer(token()), method="POST")).status for _ in range(200)}

    assert statuses == {200}


def test_a_bucket_fills_up_again_and_tells_when() -> None:
    clock = Clock()
    bucket = Buckets(rate=2, burst=1, clock=clock)
    bucket.take("ana")

    with pytest.raises(RateLimited) as refusal:
        bucket.take("ana")
    assert refusal.value.retry_after == pytest.approx(0.5)
    clock.at += 0.5
    bucket.take("ana")
    clock.at += 1000
    bucket.take("ana")
    with pytest.raises(RateLimited):
        bucket.take("ana")


def test_buckets_are_bounded() -> None:
    buckets = Buckets(rate=1, burst=1, clock=Clock())

    for number in range(MAX_BUCKETS + 10):
        buckets.take(number)

    assert len(buckets._buckets) == MAX_BUCKETS
