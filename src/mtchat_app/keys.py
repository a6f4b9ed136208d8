"""Keys that check people's tokens. Each key knows its one algorithm; a token never chooses."""

from typing import Any, Final, Literal, cast

from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, PyJWTError

Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]
PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

MIN_SECRET_BYTES: Final = 32
MIN_RSA_BITS: Final = 2048


class KeyRefused(ValueError):
    """The key can't be used, and the sentence says why; it continues after the setting's name."""


@frozen
class Key:
    """One key with the algorithm it stands for; `kid` is the name a key set gives it (RFC 7517)."""

    algorithm: Algorithm
    material: bytes | PublicKey = field(repr=False)
    kid: str | None = None


def of_secret(secret: str) -> Key:
    """Return the HS256 key (RFC 7518) of a shared secret.

    Raises:
        KeyRefused: shorter than 32 bytes of UTF-8, or a PEM, which is public and no secret.
    """
    material = secret.encode()
    if len(material) < MIN_SECRET_BYTES:
        raise KeyRefused(f"must be at least {MIN_SECRET_BYTES} bytes long.")
    if material.lstrip().startswith(b"-----BEGIN"):
        raise KeyRefused("holds a PEM: a public key goes into JWT_PUBLIC_KEY.")
    return Key("HS256", material)


def of_pem(pem: str) -> Key:
    """Return the key of a PEM: RSA means RS256, P-256 means ES256, Ed25519 means EdDSA.

    Raises:
        KeyRefused: not a public key, or of another kind.
    """
    if "PRIVATE KEY" in pem:
        raise KeyRefused("holds a private key: give the public one, the private one stays with the host.")
    try:
        loaded = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused("must be a public key in PEM form, or the path of such a file.") from None
    return _of_public(loaded, kid=None)


def of_jwk(jwk: object) -> Key | None:
    """Return the key of one entry of a key set (RFC 7517), or None if it can't check our tokens."""
    if not isinstance(jwk, dict):
        return None
    entry = cast("dict[str, Any]", jwk)
    kid = entry.get("kid")
    if entry.get("kty") not in ("RSA", "EC", "OKP") or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    try:
        key = _of_public(PyJWK(entry).key, kid=kid if isinstance(kid, str) else None)
    except (PyJWTError, ValueError, TypeError):
        return None
    return key if entry.get("alg", key.algorithm) == key.algorithm else None


def _of_public(loaded: object, *, kid: str | None) -> Key:
    match loaded:
        case RSAPublicKey() if loaded.key_size >= MIN_RSA_BITS:
            return Key("RS256", loaded, kid)
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return Key("ES256", loaded, kid)
        case Ed25519PublicKey():
            return Key("EdDSA", loaded, kid)
        case _:
            raise KeyRefused(f"must be an RSA key of {MIN_RSA_BITS} bits or more, a P-256 key or an Ed25519 key.")
