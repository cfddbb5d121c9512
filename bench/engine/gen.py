#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deterministic rule sets and traffic for comparing rule engines.

Writes into --out (default: ./data):
  rules-N.txt       N expressions, one a line (Cloudflare's rules language); rules-10 is a
                    prefix of rules-100, and so on: the mix is the same at every size
  families-N.txt    the family of each rule, same order
  modsec-N.conf     the same rules as SecRules (id = line number), see README.md
  hostpath-N.txt    N "host<TAB>path" keys for the floor
  requests.jsonl    one request a line: field -> value
  requests.tsv      the same, flattened for drivers in C: see README.md

Only python3's standard library; the same seed gives the same bytes.
"""
import argparse, ipaddress, json, math, os, random

SYL = "ba be bi bo da de di do fa fe ga go ha ka ki ko la le li lo ma me mi mo na ne no pa pe po ra re ri ro sa se so ta te ti to va ve vi zo zu".split()
NOUNS = ("users orders products cart checkout login logout account profile settings search catalog items reviews "
         "payments invoices reports metrics events sessions tokens devices messages uploads images static assets "
         "docs help blog news feed admin billing teams projects tasks files folders webhooks export import health").split()
EXTS = ["", "", "", "", ".json", ".html", ".js", ".css", ".png", ".php"]
COUNTRIES = [("US", 34), ("DE", 10), ("GB", 8), ("FR", 7), ("IN", 7), ("BR", 5), ("JP", 5), ("NL", 4), ("CA", 4), ("PL", 3),
             ("ES", 3), ("IT", 3), ("CN", 2), ("RU", 2), ("TR", 1), ("VN", 1), ("KR", 1)]
RARE = "AF AL DZ AO AM AZ BY BO BA BG KH CM TD CL CU CY EC EG EE ET GE GH GT HN HU IS IR IQ JM KZ KE KP KW LA LV LB LY LT MD MN ME MA MM NP NI NG OM PK PA PY PE QA RS SD SY TJ TZ TN UG UA UY UZ VE YE ZM ZW".split()
CHROME = "Mozilla/5.0 ({os}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.{b}.{c} Safari/537.36"
UAS = [(CHROME, 62),
       ("Mozilla/5.0 ({os}; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 10),
       ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_{c5} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{c5} Mobile/15E148 Safari/604.1", 16),
       ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 3),
       ("okhttp/4.{c5}.0", 4), ("python-requests/2.{c5}.1", 2), ("curl/8.{c5}.0", 2), ("sqlmap/1.{c5}#stable (https://sqlmap.org)", 1)]
OSES = ["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 14; Pixel 8"]
OCTETS = [x for x in range(1, 224) if x not in (10, 100, 127, 169, 172, 192, 198, 203)]
HDRS = ["x-api-key", "x-client-version", "x-request-source", "x-device-type", "x-tenant", "x-feature"]


def q(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


class World:
    """The hosts, paths, clients and certificate authorities that rules and traffic share."""
    def __init__(self, rng):
        self.r = rng
        self.zones = [self.word(3) + ".example" for _ in range(30)]
        subs = ["www", "api", "shop", "auth", "cdn", "admin", "m", "static", "app", "gw"]
        self.hosts = [f"{s}.{z}" for z in self.zones for s in subs]
        rng.shuffle(self.hosts)
        self.paths = {h: [self.path() for _ in range(60)] for h in self.hosts}
        self.mtls = set(h for h in self.hosts if h.split(".")[0] in ("api", "gw", "admin"))
        self.clients = [self.ip() for _ in range(3000)]
        self.skis = [self.hex(40) for _ in range(12)]      # issuers that traffic really has
        self.asns = [rng.randrange(1000, 400000) for _ in range(80)]
        self.geo = {c: (self.pick(COUNTRIES), rng.choice(self.asns)) for c in self.clients}

    def word(self, n): return "".join(self.r.choice(SYL) for _ in range(n))
    def hex(self, n): return "".join(self.r.choice("0123456789abcdef") for _ in range(n))

    def pick(self, table):
        return self.r.choices([t[0] for t in table], [t[1] for t in table])[0]

    def zipf(self, seq):
        """Popular items come first: about 1/(rank+3)."""
        if not hasattr(self, "_z"): self._z = {}
        w = self._z.setdefault(len(seq), [1 / (i + 3) for i in range(len(seq))])
        return self.r.choices(seq, w)[0]

    def ip(self):
        r = self.r
        if r.random() < 0.15:
            return str(ipaddress.IPv6Address((0x2a00 + r.randrange(64) << 112) | r.getrandbits(112)))
        a = r.choice(OCTETS)
        return f"{a}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}"

    def net(self):
        r = self.r
        a = ipaddress.ip_address(self.ip())
        bits = r.choice([32, 48, 64]) if a.version == 6 else r.choice([16, 20, 22, 24, 24, 24, 28])
        return str(ipaddress.ip_network((a, bits), strict=False))

    def path(self):
        r = self.r
        segs = [r.choice(NOUNS)]
        if r.random() < .5: segs.insert(0, r.choice(["api/v1", "api/v2", "v3", "internal", "public"]))
        for _ in range(r.randrange(0, 3)):
            segs.append(r.choice([r.choice(NOUNS), self.word(3), str(r.randrange(1, 99999))]))
        return "/" + "/".join(segs) + r.choice(EXTS)


# A rule is a conjunction of terms. Each term: (expression, [SecRule pieces]) where a piece is
# (variable, operator, transformations). VAR maps a field to what a connector gives ModSecurity.
VAR = {"http.host": "REQUEST_HEADERS:Host", "http.request.uri.path": "REQUEST_FILENAME",
       "http.request.uri.query": "QUERY_STRING", "http.request.uri": "REQUEST_URI_RAW",
       "http.user_agent": "REQUEST_HEADERS:User-Agent", "http.referer": "REQUEST_HEADERS:Referer",
       "http.cookie": "REQUEST_HEADERS:Cookie", "http.request.method": "REQUEST_METHOD",
       "ip.src": "REMOTE_ADDR", "ip.src.country": "REQUEST_HEADERS:X-Bench-Country",
       "ip.src.asnum": "REQUEST_HEADERS:X-Bench-Asn",
       "cf.tls_client_auth.cert_issuer_ski": "REQUEST_HEADERS:X-Bench-Ski",
       "cf.tls_client_auth.cert_subject_dn": "REQUEST_HEADERS:X-Bench-Dn",
       "cf.tls_client_auth.cert_fingerprint_sha256": "REQUEST_HEADERS:X-Bench-Fp"}


def rxq(s):
    return "".join("\\" + c if c in ".^$*+?()[]{}|\\" else c for c in s)


def eq(f, v): return (f"{f} eq {q(v)}", [(VAR[f], "@streq " + v, "")])
def starts(f, v): return (f"starts_with({f}, {q(v)})", [(VAR[f], "@beginsWith " + v, "")])
def ends(f, v): return (f"ends_with({f}, {q(v)})", [(VAR[f], "@endsWith " + v, "")])
def contains(f, v): return (f"{f} contains {q(v)}", [(VAR[f], "@contains " + v, "")])
def lcontains(f, v): return (f"lower({f}) contains {q(v)}", [(VAR[f], "@contains " + v, "t:lowercase")])
def matches(f, rx): return (f'{f} matches r"{rx}"', [(VAR[f], "@rx " + rx, "")])
def one_of(f, vs): return (f"{f} in {{{' '.join(q(v) for v in vs)}}}", [(VAR[f], "@rx ^(?:" + "|".join(rxq(v) for v in vs) + ")$", "")])
def ints(f, vs): return (f"{f} in {{{' '.join(map(str, vs))}}}", [(VAR[f], "@rx ^(?:" + "|".join(map(str, vs)) + ")$", "")])
def ips(vs): return (f"ip.src in {{{' '.join(vs)}}}", [("REMOTE_ADDR", "@ipMatch " + ",".join(vs), "")])


def wild(f, p):
    # `wildcard` does not heed case
    return (f"{f} wildcard {q(p)}", [(VAR[f], "@rx (?is)^" + ".*".join(rxq(x) for x in p.split("*")) + "$", "")])


def header(h, v):
    return (f'any(http.request.headers["{h}"][*] == {q(v)})', [("REQUEST_HEADERS:" + h, "@streq " + v, "")])


UNVERIFIED = ("not cf.tls_client_auth.cert_verified", [("REQUEST_HEADERS:X-Bench-Unverified", "@streq 1", "")])
REVOKED = ("cf.tls_client_auth.cert_revoked", [("REQUEST_HEADERS:X-Bench-Revoked", "@streq 1", "")])
BADCERT = ("(cf.tls_client_auth.cert_revoked or not cf.tls_client_auth.cert_verified)",
           [("REQUEST_HEADERS:X-Bench-Unverified|REQUEST_HEADERS:X-Bench-Revoked", "@streq 1", "")])
PRESENTED = ("cf.tls_client_auth.cert_presented", [("REQUEST_HEADERS:X-Bench-Presented", "@streq 1", "")])


class Rules:
    # Every ten rules hold one of each; letters after a dot alternate from ten to ten.
    DECK = ["hostpath", "hostpath", "prefix", "prefix", "iplist", "regex", "contains", "wild", "cert", "geo"]

    def __init__(self, w):
        self.w, self.r, self.n = w, w.r, 0

    def host(self): return eq("http.host", self.r.choice(self.w.hosts))

    def some_path(self, h=None):
        """A path that traffic asks for now and then (3 in 10), else one it never does."""
        w, r = self.w, self.r
        if h and r.random() < .3: return r.choice(w.paths[h])
        return w.path().split(".")[0] + "/" + w.word(2)

    def hostpath(self):
        h = self.r.choice(self.w.hosts)
        return [eq("http.host", h), eq("http.request.uri.path", self.some_path(h))]

    def prefix(self):
        r, w = self.r, self.w
        h = r.choice(w.hosts)
        p = self.some_path(h)
        if r.random() < .3:
            return [starts("http.request.uri.path", "/" + w.word(2) + p)]
        return [eq("http.host", h), starts("http.request.uri.path", p[:max(4, len(p) * 2 // 3)])]

    def iplist(self):
        r, w = self.r, self.w
        n = round(10 ** r.uniform(1, 3))                        # 10 to 1,000, log-uniform
        xs = [w.net() if r.random() < .5 else w.ip() for _ in range(n)]
        if r.random() < .05: xs[0] = r.choice(w.clients)
        xs = list(dict.fromkeys(xs))
        return [ips(xs)] if r.random() < .6 else [self.host(), ips(xs)]

    def regex(self):
        r, w = self.r, self.w
        P = "http.request.uri.path"
        a, b, c = w.word(2), w.word(2), r.choice(NOUNS)
        return r.choice([
            lambda: [matches(P, rf"^/api/v[0-9]+/{a}/[0-9]+/({c}|{b})$")],
            lambda: [matches(P, rf"(?i)/{a}[-_]?{b}\.(php|aspx?|jsp)$")],
            lambda: [matches(P, rf"^/(?:[a-z]+/)*{a}{b}/[^/]+\.(?:json|xml)$")],
            lambda: [matches("http.user_agent", rf"(?i)(?:{a}bot|{b}spider|{a}{b})/[0-9.]+")],
            lambda: [matches("http.request.uri.query", rf"(?i)(?:^|&){a}=(?:[^&]*)(?:union|{b})\s*(?:select|\()")],
            lambda: [self.host(), matches(P, rf"^/{c}/[0-9a-f]{{8}}-[0-9a-f]{{4}}/{a}$")],
            lambda: [matches("http.cookie", rf"(?:^|; ?){a}_sid=[0-9a-f]{{16,32}}(?:;|$)")],
        ])()

    def contains(self):
        r, w = self.r, self.w
        t = w.word(r.choice([2, 3, 4]))
        return r.choice([
            lambda: [contains("http.user_agent", t + "bot")],
            lambda: [contains("http.request.uri.path", "/" + t + "/")],
            lambda: [lcontains("http.request.uri.query", t + "=")],
            lambda: [contains("http.cookie", t + "_id=")],
            lambda: [contains("http.referer", t + ".example/"), self.host()],
            lambda: [lcontains("http.user_agent", t)],
        ])()

    def wild(self):
        r, w = self.r, self.w
        h = r.choice(w.hosts)
        return r.choice([
            lambda: [wild("http.host", "*." + w.word(3) + ".example")],
            lambda: [wild("http.request.uri", "/" + r.choice(NOUNS) + "/*/" + w.word(2) + "*")],
            lambda: [eq("http.host", h), wild("http.request.uri.path", "/*/" + r.choice(NOUNS) + "/*.php")],
            lambda: [header(r.choice(HDRS), w.word(4))],
            lambda: [header(r.choice(HDRS), w.word(3)), eq("http.host", h)],
            lambda: [ends("http.request.uri.path", "/" + w.word(2) + ".bak")],
            lambda: [(f"len(http.request.uri.query) gt {300 + self.n % 700}",
                      [("QUERY_STRING", f"@gt {300 + self.n % 700}", "t:length")]), eq("http.request.method", "POST")],
        ])()

    def cert(self):
        r, w = self.r, self.w
        S = "cf.tls_client_auth.cert_issuer_ski"
        ski = lambda k: [w.hex(40) for _ in range(k - 1)] + [r.choice(w.skis) if r.random() < .1 else w.hex(40)]
        h = r.choice(w.hosts)
        hs = one_of("http.host", sorted(set(r.choice(w.hosts) for _ in range(4))))
        return r.choice([
            lambda: [eq("http.host", h), UNVERIFIED],
            lambda: [hs, UNVERIFIED],
            lambda: [eq("http.host", h), BADCERT, starts("http.request.uri.path", self.some_path(h))],
            lambda: [one_of(S, ski(r.randrange(2, 30)))],
            lambda: [eq("http.host", h), one_of(S, ski(r.randrange(2, 30)))],
            lambda: [PRESENTED, eq("cf.tls_client_auth.cert_fingerprint_sha256", w.hex(64))],
            lambda: [REVOKED, eq("http.host", h)],
            lambda: [contains("cf.tls_client_auth.cert_subject_dn", "O=" + w.word(3))],
        ])()

    def geo(self):
        r, w = self.r, self.w
        cs = sorted(set(r.sample(RARE, r.randrange(2, 12)) + ([w.pick(COUNTRIES)] if r.random() < .3 else [])))
        asn = sorted(set(r.randrange(1000, 400000) for _ in range(r.randrange(2, 40))))
        if r.random() < .1: asn = sorted(set(asn + [r.choice(w.asns)]))
        h = r.choice(w.hosts)
        return r.choice([
            lambda: [one_of("ip.src.country", cs), eq("http.host", h)],
            lambda: [eq("http.host", h), one_of("ip.src.country", cs), starts("http.request.uri.path", self.some_path(h))],
            lambda: [ints("ip.src.asnum", asn)],
            lambda: [ints("ip.src.asnum", asn), eq("http.host", h)],
        ])()

    def deck(self):
        ks = list(self.DECK)
        self.r.shuffle(ks)
        for k in ks:
            self.n += 1
            yield k, getattr(self, k)()


def secrule(i, terms):
    ps = [p for t in terms for p in t[1]]
    out = []
    for k, (var, op, tf) in enumerate(ps):
        acts = (["id:%d" % i, "phase:1", "pass", "@LOG@"] if k == 0 else []) + ["t:none"] + ([tf] if tf else [])
        if k < len(ps) - 1: acts.append("chain")
        out.append('SecRule %s "%s" "%s"' % (var, op.replace('"', '\\"'), ",".join(acts)))
    return "\n".join(out)


def request(w):
    r = w.r
    h = w.zipf(w.hosts)
    path = w.zipf(w.paths[h]) if r.random() < .7 else w.path()
    query = ""
    if r.random() < .45:
        query = "&".join(f"{w.word(2)}={r.choice([w.word(3), str(r.randrange(10**6)), w.hex(16)])}" for _ in range(r.randrange(1, 6)))
        if r.random() < .01: query += "&id=1%20UNION%20SELECT%20password"
    method = r.choices(["GET", "POST", "PUT", "DELETE", "HEAD"], [80, 14, 2, 1, 3])[0]
    ip = w.zipf(w.clients)
    country, asn = w.geo[ip]
    ua = w.pick(UAS).format(os=r.choice(OSES), v=r.randrange(96, 132), b=r.randrange(4000, 6800), c=r.randrange(200), c5=r.randrange(6))
    ref = "" if r.random() < .4 else f"https://{h}{w.zipf(w.paths[h])}"
    cookie = "" if r.random() < .3 else "; ".join(
        [f"session={w.hex(32)}", f"_ga=GA1.2.{r.randrange(10**9)}.{r.randrange(10**9)}"] +
        [f"{w.word(2)}_id={w.hex(r.choice([8, 16, 32]))}" for _ in range(r.randrange(0, 8))])
    cert = h in w.mtls and r.random() < .85
    ver = cert and r.random() < .95
    rev = cert and not ver and r.random() < .4
    version = r.choices(["HTTP/1.1", "HTTP/2", "HTTP/3"], [35, 55, 10])[0]
    uri = path + ("?" + query if query else "")
    hd = {"host": [h], "user-agent": [ua], "accept": [r.choice(["*/*", "application/json", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"])],
          "accept-encoding": ["gzip, deflate, br"], "accept-language": [r.choice(["en-US,en;q=0.9", "de-DE,de;q=0.8,en;q=0.5", "fr"])]}
    if ref: hd["referer"] = [ref]
    if cookie: hd["cookie"] = [cookie]
    if method in ("POST", "PUT"): hd["content-type"], hd["content-length"] = ["application/json"], [str(r.randrange(20, 4000))]
    for x in HDRS:
        if r.random() < .3: hd[x] = [w.word(4)]
    if r.random() < .2: hd["x-forwarded-for"] = [w.ip(), w.ip()]
    return {"http.host": h, "http.request.method": method, "http.request.uri.path": path, "http.request.uri.query": query,
            "http.request.uri": uri, "http.user_agent": ua, "http.referer": ref, "http.cookie": cookie,
            "http.request.headers": hd, "ip.src": ip, "ip.src.country": country, "ip.src.asnum": asn,
            "cf.tls_client_auth.cert_verified": ver, "cf.tls_client_auth.cert_revoked": rev, "cf.tls_client_auth.cert_presented": cert,
            "cf.tls_client_auth.cert_issuer_ski": (w.zipf(w.skis) if ver else w.hex(40)) if cert else "",
            "cf.tls_client_auth.cert_fingerprint_sha256": w.hex(64) if cert else "",
            "cf.tls_client_auth.cert_subject_dn": f"CN=device-{w.hex(8)},OU={r.choice(['iot', 'mobile', 'backend'])},O={w.word(3)} Inc,C={country}" if cert else "",
            "ssl": r.random() < .97, "http.request.version": version}


def flat(rq):
    """Tab-separated: ip, method, uri, version, then name, value pairs: what a proxy would hand a C library."""
    out = [rq["ip.src"], rq["http.request.method"], rq["http.request.uri"], rq["http.request.version"].split("/")[1]]
    for k, vs in rq["http.request.headers"].items():
        for v in vs: out += [k, v]
    c = "cf.tls_client_auth."
    for k, v in [("x-bench-country", rq["ip.src.country"]), ("x-bench-asn", str(rq["ip.src.asnum"])),
                 ("x-bench-unverified", "0" if rq[c + "cert_verified"] else "1"), ("x-bench-revoked", "1" if rq[c + "cert_revoked"] else "0"),
                 ("x-bench-presented", "1" if rq[c + "cert_presented"] else "0"), ("x-bench-ski", rq[c + "cert_issuer_ski"]),
                 ("x-bench-dn", rq[c + "cert_subject_dn"]), ("x-bench-fp", rq[c + "cert_fingerprint_sha256"])]:
        if v: out += [k, v]
    return "\t".join(out)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=20250207)
    ap.add_argument("--sizes", default="10,100,1000,10000")
    ap.add_argument("--requests", type=int, default=2000)
    ap.add_argument("--out", default="data")
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    put = lambda name, lines: open(os.path.join(a.out, name), "w", newline="\n").write("".join(x + "\n" for x in lines))
    w = World(random.Random(a.seed))
    sizes = sorted(map(int, a.sizes.split(",")))
    gen, rules = Rules(w), []
    while len(rules) < sizes[-1]: rules += gen.deck()
    for n in sizes:
        rs = rules[:n]
        put(f"rules-{n}.txt", (" and ".join(t[0] for t in terms) for _, terms in rs))
        put(f"families-{n}.txt", (k for k, _ in rs))
        put(f"modsec-{n}.conf", ["SecRuleEngine On", "SecRequestBodyAccess Off", "SecAuditEngine Off"] +
            [secrule(i, t).replace("@LOG@", "nolog") for i, (_, t) in enumerate(rs, 1)])
    w.r = random.Random(a.seed + 1)          # traffic does not depend on the number of rules
    reqs = [request(w) for _ in range(a.requests)]
    put("requests.jsonl", (json.dumps(x, separators=(",", ":")) for x in reqs))
    put("requests.tsv", map(flat, reqs))
    w.r = random.Random(a.seed + 2)
    keys = {}
    for h in w.hosts:
        for p in w.paths[h]: keys[f"{h}\t{p}"] = 1
    keys = list(keys); w.r.shuffle(keys)
    for n in sizes: put(f"hostpath-{n}.txt", keys[:n])


main()
