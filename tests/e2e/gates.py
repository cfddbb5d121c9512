# SPDX-License-Identifier: Apache-2.0
"""A zone whose client certificates can be revoked while it serves."""
import shutil


class Gate:
    """An usher with rules whose CRLs lie in {crl}; {auth} and {on_revoked} are filled in."""

    def __init__(self, make_usher, rules, pki, origin, directory, auth, on_revoked):
        self.pki, self.crl = pki, directory / "crl"
        self.crl.mkdir()
        for name in ("crl-a", "crl-b", "crl-root"):
            shutil.copy(pki / (name + ".pem"), self.crl)
        self.usher = make_usher(rules, origin=origin, auth=auth, on_revoked=on_revoked, crl=self.crl)

    def revoke(self):
        shutil.copy(self.pki / "crl-a-more.pem", self.crl / "crl-a.pem")
        self.usher.reload()
