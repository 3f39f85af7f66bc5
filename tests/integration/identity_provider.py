"""An OpenID Connect provider on loopback, as far as an API server asks one: discovery and keys."""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time

import certificates

AUDIENCE = "kubernetes"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class IdentityProvider:
    """With `authentication_configuration` an API server believes it; `token` signs somebody in."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = certificates.Authority(folder / "pki")
        self.key = self.authority.service_account_key()  # RSA, as RS256 wants
        pair = self.authority.server("login", ["127.0.0.1"])
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.issuer = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(provider):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                pages = {"/.well-known/openid-configuration": provider._discovery,
                         "/keys": provider._keys}  # fmt: skip
                page = pages.get(self.path)
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                if page:
                    self.wfile.write(json.dumps(page()).encode())

            def log_message(self, *unused):
                pass

        return Handler

    def _discovery(self):
        return {
            "issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys",
            "authorization_endpoint": f"{self.issuer}/login", "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
        }  # fmt: skip

    def _keys(self):
        done = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"],
                              check=True, capture_output=True, text=True)  # fmt: skip
        modulus = bytes.fromhex(done.stdout.strip().partition("=")[2])
        return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
                          "n": encode(modulus), "e": encode(b"\x01\x00\x01")}]}  # fmt: skip

    def authentication_configuration(self):
        """The file for --authentication-config, as docs/signatures.md has it."""
        path = self.folder / "authentication.json"
        told = 'has(claims.auth_time) ? string(int(claims.auth_time)) : ""'
        path.write_text(json.dumps({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "jwt": [{
                "issuer": {"url": self.issuer, "audiences": [AUDIENCE],
                           "certificateAuthority": self.authority.certificate.read_text()},
                "claimMappings": {
                    "username": {"claim": "sub", "prefix": ""},
                    "groups": {"claim": "groups", "prefix": ""},
                    "extra": [{"key": "countersign.dev/auth-time", "valueExpression": told}],
                },
            }],
        }))  # fmt: skip
        return path

    def token(self, user, groups, signed_in_at=None):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": user, "groups": list(groups),
                  "iat": now, "exp": now + 3600}  # fmt: skip
        if signed_in_at is not None:
            claims["auth_time"] = int(signed_in_at)
        head = {"alg": "RS256", "typ": "JWT", "kid": "1"}
        signed = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key],
                              input=signed.encode(), check=True, capture_output=True)  # fmt: skip
        return f"{signed}.{encode(done.stdout)}"
