# SPDX-License-Identifier: Apache-2.0
"""A usher that cannot begin: it says why, gives back what it had (under sanitizers a leak is exit code 99), and ends
with a documented code. 1: what the files say cannot be done; 2: a file of rules cannot be read, or misuse."""
import resource
import signal
import socket
import subprocess

import pytest

from conftest import PATIENCE, USHER, free_port

PLAIN = """
server { workers 2 }
listener plain { address 127.0.0.1:{port}; http yes }
zone web { hosts web.example; pool both }
pool both { origin http://127.0.0.1:1; origin http://localhost:1; health_check "/"; health_interval 100ms }
rule r { when http.host eq "web.example" and http.request.uri.path matches "^/a+b$" then block 403 }
"""
TLS = PLAIN + """
listener public { address 127.0.0.1:{tls} }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    client_crl   "{pki}/crl-a.pem", "{pki}/crl-b.pem", "{pki}/crl-root.pem"
    origin       https://localhost:1
    {more}
}
"""

CASES = [  # rules, words, exit code, what standard error says
    (TLS, {"port": "{taken}"}, 1, '"listen_failed"'),
    (TLS, {"tls": "{taken}"}, 1, '"listen_failed"'),
    (TLS.replace("127.0.0.1:{port}", "192.0.2.1:{port}"), {}, 1, '"listen_failed"'),
    (TLS.replace("127.0.0.1:{port}", "unix:{dir}/none/s"), {}, 1, '"listen_failed"'),
    (TLS.replace("127.0.0.1:{port}", "unix:{dir}/" + "s" * 120), {}, 1, "at most 107 bytes"),
    (TLS, {"pki": "/nowhere"}, 1, "U8002"),
    (TLS.replace("server-ecdsa.key", "server-rsa.key"), {}, 1, "error["),
    (TLS.replace("{pki}/server-ecdsa-chain.pem", "{dir}/bad"), {}, 1, "error["),
    (TLS.replace("{pki}/ca-bundle.pem", "{dir}/bad"), {}, 1, "error["),
    (TLS.replace("{pki}/crl-a.pem", "{dir}/bad"), {}, 1, "error["),
    (TLS + 'server { geoip "{dir}/none.mmdb" }', {}, 1, "error["),
    (TLS + 'server { geoip "{dir}/bad" }', {}, 1, "error["),
    (TLS + 'server { ticket_keys "{dir}/none" }', {}, 1, "error["),
    (TLS + 'server { ticket_keys "{dir}/bad" }', {}, 1, "error["),
    (TLS + 'log { access "{dir}/none/access" }', {}, 1, '"access_log_failed"'),
    (TLS + 'log { access "{dir}" }', {}, 1, '"access_log_failed"'),
    (TLS + 'server { user "nobody-of-that-name" }', {}, 1, '"user_failed"'),
    (TLS + 'include "{dir}/none.rules"', {}, 1, "none.rules"),
    (TLS + "rule", {}, 1, "error["),
    (TLS + "rule late { when nonsense then block }", {}, 1, "error["),
    (TLS + 'jwt j { keys "{dir}/none" }', {}, 1, "error["),
    (TLS + 'list l : ip from "{dir}/none"', {}, 1, "error["),
    (PLAIN.split("listener")[0], {}, 1, "no listener"),
]


def fill(tmp_path, pki, rules, words):
    (tmp_path / "bad").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    words = {"port": free_port(), "tls": free_port(), "pki": pki, "more": "", **words}
    for key, value in (*words.items(), ("dir", tmp_path)):
        rules = rules.replace("{%s}" % key, str(value))
    (tmp_path / "test.rules").write_text(rules)
    return str(tmp_path / "test.rules")


@pytest.mark.parametrize("number", range(len(CASES)))
def test_cannot_begin(pki, tmp_path, number):
    rules, words, code, says = CASES[number]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = {k: v.replace("{taken}", str(taken.getsockname()[1])) for k, v in words.items()}
        done = subprocess.run([USHER, "serve", fill(tmp_path, pki, rules, words)], capture_output=True, text=True,
                              check=False, timeout=20 * PATIENCE)
    assert done.returncode == code and says in done.stderr, done.stderr


@pytest.mark.parametrize("paths, says", [(["none.rules"], "none.rules"), (["."], "directory"), ([], "which file?"),
                                         (["--nonsense"], "unknown option")])
def test_no_rules_to_read(tmp_path, paths, says):
    done = subprocess.run([USHER, "serve", *paths], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr, done.stderr


@pytest.mark.parametrize("workers", [2, 64])
def test_few_descriptors(pki, tmp_path, workers):
    """With too few it does not begin, and says so; with enough it is ready and ends well."""
    file = fill(tmp_path, pki, TLS.replace("workers 2", "workers %d" % workers), {})
    codes = []
    for limit in (4, 5, 6, 7, 10, 16, 63, 64, *range(70, 1500, 97 if workers > 2 else 2000)):
        process = subprocess.Popen([USHER, "serve", file], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        text = ""
        for line in process.stderr:
            text += line
            if '"ready"' in line:
                process.send_signal(signal.SIGTERM)
        codes.append(process.wait(20 * PATIENCE))
        assert codes[-1] == (0 if '"ready"' in text else 1 if '"start_failed"' in text or '"listen_failed"' in text else None), text
    assert codes == sorted(codes, reverse=True) and codes[0] == 1 and codes[-1] == 0
