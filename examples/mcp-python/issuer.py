"""An issuer of access tokens, with a key of its own: `python issuer.py FOLDER` makes it."""

import json
import sys
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://login.example"
AUDIENCE = "https://shop.example"


def make(folder: Path) -> None:
    """Makes a key: `key.pem` for the issuer, `jwks.json` for whoever verifies its tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").write_bytes(pem)
    public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    (folder / "jwks.json").write_text(
        json.dumps({"keys": [{**public, "kid": "k", "alg": "ES256", "use": "sig"}]})
    )


def token(folder: Path, sub: str, client: str = "web", **claims: object) -> str:
    """Signs a token. The client `web` is the user's own hand; any other acts for the user."""
    now = int(time.time())
    body = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": sub,
        "client_id": client,
        "iat": now,
        "exp": now + 300,
        "scope": "shop.refund",
        **claims,
    }
    key = (folder / "key.pem").read_bytes()
    return jwt.encode(body, key, algorithm="ES256", headers={"typ": "at+jwt", "kid": "k"})


if __name__ == "__main__":
    make(Path(sys.argv[1]))
