"""Apache with mod_auth_openidc as Debian ships them, on a free port of 127.0.0.1."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from sso.admin import Registration

MODULES = Path("/usr/lib/apache2/modules")
NEEDED = ("mpm_event", "authn_core", "authz_core", "authz_user", "alias", "dir", "auth_openidc")
CLIENT_ID, SECRET = "apache", "apache-secret-for-the-checklist-0123456789"
UP_SECONDS = 20.0


def missing() -> str | None:
    """What is missing, by name; None when nothing is."""
    if shutil.which("apache2") is None:
        return "Apache (Debian's apache2) is not installed"
    if not (MODULES / "mod_auth_openidc.so").exists():
        return "mod_auth_openidc (Debian's libapache2-mod-auth-openidc) is not installed"
    return None


def callback(port: int) -> str:
    return f"http://127.0.0.1:{port}/protected/callback"


def registration(port: int) -> Registration:
    """The client as the operator registers it."""
    return Registration(
        CLIENT_ID,
        "Apache",
        "Apache",
        ["openid", "profile"],
        secret=SECRET,
        redirect_uris=[callback(port)],
        post_logout_redirect_uris=[f"http://127.0.0.1:{port}/bye"],
        backchannel_logout_uri=f"{callback(port)}?logout=backchannel",
    )


def configuration(folder: Path, port: int, issuer: str) -> str:
    """The whole configuration; nothing of the machine's own is read."""
    loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in NEEDED)
    # Only root may change who it runs as, and has to.
    account = "User www-data\nGroup www-data" if os.geteuid() == 0 else f"User {getpass.getuser()}"
    return f"""
ServerRoot "{folder}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{folder}/pid"
DefaultRuntimeDir "{folder}"
ErrorLog "{folder}/error.log"
LogLevel warn auth_openidc:info
{loads}
{account}
DocumentRoot "{folder}/pages"
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {CLIENT_ID}
OIDCClientSecret {SECRET}
OIDCRedirectURI {callback(port)}
OIDCCryptoPassphrase a-passphrase-of-one-test-run
OIDCScope "openid profile"
OIDCPKCEMethod S256
OIDCInfoHook iat access_token id_token userinfo refresh_token session
OIDCRefreshAccessTokenBeforeExpiry 0
OIDCRedirectURLsAllowed ^http://127.0.0.1:{port}/
<Directory "{folder}/pages">
  Require all granted
</Directory>
<Location /protected>
  AuthType openid-connect
  Require valid-user
</Location>
"""


@contextmanager
def running(folder: Path, port: int, issuer: str) -> Iterator[str]:
    """Apache, listening; answers its address, and ends with the block."""
    (folder / "pages" / "protected").mkdir(parents=True)
    (folder / "pages" / "protected" / "index.html").write_text("protected page", encoding="utf-8")
    (folder / "pages" / "bye").mkdir()
    (folder / "pages" / "bye" / "index.html").write_text("bye", encoding="utf-8")
    for each in (folder, *folder.rglob("*")):
        each.chmod(0o755)
    (folder / "apache.conf").write_text(configuration(folder, port, issuer), encoding="utf-8")
    with (folder / "said").open("wb") as said:
        command = ["apache2", "-f", str(folder / "apache.conf"), "-DFOREGROUND"]
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        _wait(process, port, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/bye/", trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    said = [path.read_text(encoding="utf-8") for path in (folder / "said", folder / "error.log") if path.exists()]
    raise AssertionError(f"Apache does not listen: {said}")
