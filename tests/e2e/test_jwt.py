# SPDX-License-Identifier: Apache-2.0
"""JSON web tokens: what a jwt block believes, through usher eval. Tokens are made here and signed by openssl."""
import base64
import hashlib
import hmac
import json
import subprocess

import pytest

from test_eval import usher_eval

NOW = 1_700_000_000
SECRET = "0123456789abcdef0123456789abcdef"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    where = tmp_path_factory.mktemp("jwt")

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=where, check=True, capture_output=True)

    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.key")
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "weak.key")
    for name, curve in ("p256", "P-256"), ("other", "P-256"), ("p384", "P-384"), ("p521", "P-521"):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", f"{name}.key")
    for name in "rsa", "weak", "p256", "other", "p384", "p521":
        openssl("pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pem")
    openssl("req", "-new", "-x509", "-key", "p256.key", "-subj", "/CN=jwt", "-days", "30", "-out", "p256.crt")
    (where / "secret").write_text(SECRET + "\n")
    (where / "short").write_text("short")
    (where / "a.rules").write_text(
        'jwt api { key "rsa.pem" "p256.crt"; key "p384.pem"\n  issuer "https://issuer.example"\n  audience "api" "web" }\n'
        'jwt session { cookie "session"; secret "secret"; leeway 60s }\n'
        'jwt x { header "x-token"; key "p256.pem" }\n')
    return where


def sign(keys, alg, data):
    if alg == "HS256":
        return hmac.new(SECRET.encode(), data, hashlib.sha256).digest()
    name = {"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "ES256": "p256", "ES384": "p384", "other": "other"}[alg]
    digest = {"256": "sha256", "384": "sha384", "512": "sha512", "her": "sha256"}[alg[-3:]]
    made = subprocess.run(["openssl", "dgst", f"-{digest}", "-sign", str(keys / f"{name}.key")], input=data,
                          capture_output=True, check=True).stdout
    if name == "rsa":
        return made
    half = 48 if name == "p384" else 32
    at, out = 2, b""
    for _ in range(2):
        length = made[at + 1]
        out += made[at + 2:at + 2 + length].lstrip(b"\0").rjust(half, b"\0")
        at += 2 + length
    return out


GOOD = {"iss": "https://issuer.example", "aud": "api", "sub": "me", "jti": "7", "iat": NOW - 5, "nbf": NOW - 5,
        "exp": NOW + 60}


def token(keys, alg="ES256", claims=None, header=None, signed_as=None, payload=None):
    head = b64(json.dumps(header or {"alg": alg, "typ": "JWT"}).encode())
    data = f"{head}.{b64(payload if payload is not None else json.dumps(claims or GOOD).encode())}"
    return f"{data}.{b64(sign(keys, signed_as or alg, data.encode()))}"


def ask(keys, expression, headers, name="a.rules"):
    facts = [{"time": NOW, "request": {"uri": "/", "headers": [["Host", "a.example"], *headers]}}]
    code, out, err = usher_eval("--rules", str(keys / name), "--format=json", expression, facts=facts)
    assert code == 0, err
    return json.loads(out)


def bearer(text):
    return [["Authorization", f"Bearer {text}"]]


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "ES256", "ES384"])
def test_algorithms(keys, alg):
    headers = bearer(token(keys, alg))
    assert ask(keys, 'jwt.result', headers) == {"api": "ok", "session": "absent", "x": "absent"}
    assert ask(keys, 'is_jwt_valid("api") and is_jwt_present("api") and not is_jwt_present("session")', headers) is True


def test_secret(keys):
    claims = {"sub": "u", "exp": NOW - 30}
    cookie = [["Cookie", f"a=1; session={token(keys, 'HS256', claims)}"]]
    assert ask(keys, 'jwt.result["session"]', cookie) == "ok"
    assert ask(keys, 'http.request.jwt.claims.sub["session"][0] eq "u"', cookie) is True
    claims["exp"] = NOW - 61
    late = [["Cookie", f"session={token(keys, 'HS256', claims)}"]]
    assert ask(keys, 'jwt.result["session"]', late) == "expired"
    assert ask(keys, "http.request.jwt.claims.sub", late) == {}


def test_claims(keys):
    claims = dict(GOOD, aud=["web", "other"])
    headers = bearer(token(keys, claims=claims)) + [["X-Token", token(keys)]]
    assert ask(keys, "http.request.jwt.claims.aud", headers) == {"api": ["web", "other"], "x": ["api"]}
    assert ask(keys, "http.request.jwt.claims.aud.names", headers) == ["api", "api", "x"]
    assert ask(keys, "http.request.jwt.claims.aud.values", headers) == ["web", "other", "api"]
    assert ask(keys, "http.request.jwt.claims.iat.sec", headers) == {"api": [NOW - 5], "x": [NOW - 5]}
    assert ask(keys, "http.request.jwt.claims.nbf.sec.values", headers) == [NOW - 5, NOW - 5]
    assert ask(keys, 'http.request.jwt.claims.jti["api"][0]', headers) == "7"
    assert ask(keys, 'any(http.request.jwt.claims.iss["api"][*] wildcard "https://*")', headers) is True
    assert ask(keys, "http.request.jwt.claims.sub", []) == {}


def test_not_believed(keys):
    good = token(keys)
    head, payload, signature = good.split(".")
    flipped = signature[:-4] + ("A" if signature[-4] != "A" else "B") + signature[-3:]
    none = b64(json.dumps({"alg": "none"}).encode())
    public = (keys / "rsa.pem").read_bytes()
    confused_head = b64(json.dumps({"alg": "HS256"}).encode())
    confused = hmac.new(public, f"{confused_head}.{payload}".encode(), hashlib.sha256).digest()
    for text, want in [
            (f"{head}.{payload}.{flipped}", "bad_signature"), (f"{head}.{payload}.", "bad_signature"),
            (f"{none}.{payload}.", "bad_signature"), (f"{none}.{payload}.{signature}", "bad_signature"),
            (f"{confused_head}.{payload}.{b64(confused)}", "bad_signature"),
            (token(keys, signed_as="other"), "bad_signature"), (token(keys, "RS256", signed_as="ES256"), "bad_signature"),
            (token(keys, "ES256", signed_as="ES384"), "bad_signature"),
            (head + "." + b64(b'{"sub":"x"}') + "." + signature, "bad_signature"),
            ("abc", "malformed"), (f"{head}.{payload}", "malformed"), (f"{good}.x", "malformed"), ("a.b.c", "malformed"),
            (f"{head}.{payload}*.{signature}", "malformed"),
            (token(keys, header={"alg": "ES256", "crit": ["b64"]}), "malformed"),
            (token(keys, header={"typ": "JWT"}, signed_as="ES256"), "malformed"),
            (token(keys, header={"alg": 5}, signed_as="ES256"), "malformed"),
            (token(keys, payload=b"[]"), "malformed"), (token(keys, payload=b"{"), "malformed"),
            (token(keys, claims=dict(GOOD, exp=str(NOW + 60))), "malformed"),
            (token(keys, claims=dict(GOOD, exp=NOW + 0.5)), "malformed"),
            (token(keys, claims=dict(GOOD, exp=NOW)), "expired"),
            (token(keys, claims=dict(GOOD, nbf=NOW + 1)), "not_yet_valid"),
            (token(keys, claims=dict(GOOD, iss="https://other.example")), "bad_issuer"),
            (token(keys, claims={k: v for k, v in GOOD.items() if k != "iss"}), "bad_issuer"),
            (token(keys, claims=dict(GOOD, aud="other")), "bad_audience"),
            (token(keys, claims=dict(GOOD, aud=[])), "bad_audience"), (token(keys, claims=dict(GOOD, aud=5)), "bad_audience")]:
        assert ask(keys, 'jwt.result["api"]', bearer(text)) == want, (text, want)
        assert ask(keys, 'is_jwt_valid("api")', bearer(text)) is False
    assert ask(keys, 'jwt.result["api"]', [["Authorization", f"Basic {good}"]]) == "absent"
    assert ask(keys, 'jwt.result["x"]', [["X-Token", good]]) == "ok"
    assert ask(keys, 'jwt.result["x"]', [["X-Token", good], ["x-token", good]]) == "malformed"
    assert ask(keys, 'jwt.result["session"]', [["Cookie", f"session={good}; session={good}"]]) == "malformed"


def test_rule_files(keys):
    assert ask(keys, 'is_jwt_valid("api")', []) is False
    rules = ["--rules", str(keys / "a.rules")]
    assert "error[U1001]" in usher_eval(*rules, 'is_jwt_valid("apo")')[2]
    assert "error[U1005]" in usher_eval(*rules, "is_jwt_valid(http.host)")[2]
    assert "error[U1009]" in usher_eval('is_jwt_valid("api")')[2]
    for text, code in [('jwt a { key "none.pem" }', "U8002"), ('jwt a { key "weak.pem" }', "U8001"),
                       ('jwt a { key "p521.pem" }', "U8001"), ('jwt a { key "secret" }', "U8001"),
                       ('jwt a { secret "short" }', "U8001"), ("jwt a { header x }", "U8001"),
                       ('jwt a { key "rsa.pem"; header x; cookie y }', "U8001"), ('jwt a { key "rsa.pem"; nope x }', "U8001"),
                       ('jwt { key "rsa.pem" }', "U"), ('jwt a { key "rsa.pem" }\njwt a { key "rsa.pem" }', "U1008"),
                       ("list l : int { 1 }\nrule r { when true then log }", None)]:
        (keys / "b.rules").write_text(text + "\n")
        status, _, err = usher_eval("--rules", str(keys / "b.rules"), "true", facts="{}")
        assert (status, code is None or f"error[{code}" in err) == (0 if code is None else 2, True), (text, err)
    assert "error[U1009]" in usher_eval("--rules", str(keys / "b.rules"), 'http.request.jwt.claims.sub["a"][0] eq "x"')[2]


def test_served(keys, make_usher, make_curl, origin):
    """The gate itself: who holds a token gets in, and the origin learns who it is."""
    usher = make_usher(
        "listener l { address 127.0.0.1:{port} ; plain }\nzone z { hosts localhost ; origin {origin} }\n"
        'jwt api { key "{keys}/p256.pem" }\n'
        'rule gate { when not is_jwt_valid("api") then block 401 }\n'
        'rule tell { when is_jwt_valid("api") then set request header "x-user" = http.request.jwt.claims.sub["api"][0] }\n',
        origin=origin.url, keys=keys)
    curl = make_curl(usher)
    claims = {"sub": "me"}
    answer = curl("http://localhost/a", "-H", f"Authorization: Bearer {token(keys, claims=claims)}")
    assert answer.status == 200 and answer.received("x-user") == ["me"]
    assert curl("http://localhost/a").status == 401
    assert curl("http://localhost/a", "-H", f"Authorization: Bearer {token(keys, signed_as='other')}").status == 401
    late = token(keys, claims={"sub": "me", "exp": NOW})
    assert curl("http://localhost/a", "-H", f"Authorization: Bearer {late}").status == 401
