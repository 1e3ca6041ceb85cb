"""SATOSA, the proxy that brokers SAML logins, behind gunicorn with a worker a core."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from benchmarks.children import asked, child, observed
from benchmarks.figures import SATOSA
from benchmarks.lane import CLIENT, Groups
from benchmarks.peers import environments
from benchmarks.peers.satosa_settings import POST, REDIRECT, Broker
from pipeline.keys import utc_now
from sandbox import ports
from sandbox.guardian import guarded
from sandbox.processes import stop, until_ready

_KEY_BITS = 2048
_METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_DIENSTVERLENER, _PROVIDER = "http://127.0.0.1/dienstverlener", "http://127.0.0.1/provider"
_ACS = f"{_DIENSTVERLENER}/acs"


@dataclass(frozen=True)
class Satosa:
    """A running proxy, and who logs in through it."""

    server: psutil.Process
    driver: asyncio.subprocess.Process
    name: str = SATOSA

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await asked(self.driver, instants)

    def processes(self) -> Groups:
        own = [self.server, *self.server.children()]
        return {"own": own, CLIENT: observed([self.driver])}


@asynccontextmanager
async def opened(folder: Path, progress: Callable[[str], None]) -> AsyncIterator[Satosa]:
    """The proxy, ready, and its client. Raises Unavailable, ServerFailed, ChildFailed."""
    xmlsec1 = environments.program("xmlsec1", "xmlsec1")
    python = await environments.python("satosa", progress)
    client = await environments.python(environments.CLIENTS, progress)
    (port,) = ports.free(1)
    folder.mkdir(parents=True, exist_ok=True)
    broker = Broker(f"http://127.0.0.1:{port}", folder.absolute(), xmlsec1)
    settings = await asyncio.to_thread(_founded, broker)
    log = folder / "satosa.log"
    server = guarded(_command(python, port), env=_environment(folder), log_file=log)
    try:
        await until_ready("SATOSA", server, log, lambda: _listens(port))
        module = ("benchmarks.peers.saml_logins", str(settings))
        async with child(*module, python=client, log=folder / "logins.log") as driver:
            yield Satosa(psutil.Process(server.pid), driver)
    finally:
        await stop(server)


def versions() -> dict[str, str]:
    """Of what its environment is locked to."""
    return environments.locked("satosa", "satosa", "pysaml2", "gunicorn")


def _command(python: Path, port: int) -> list[str]:
    workers = str(os.cpu_count() or 1)
    options = ("--workers", workers, "--bind", f"127.0.0.1:{port}", "--log-level", "error")
    return [str(python.parent / "gunicorn"), *options, "--backlog", "4096", "satosa.wsgi:app"]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "SATOSA_CONFIG": str(folder.absolute() / "proxy.yaml")}


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


# --- who knows whom


def _founded(broker: Broker) -> Path:
    """All keys and files; returns the settings of the client."""
    keys = {name: _certified(name) for name in ("broker", "dienstverlener", "provider")}
    key, certificate = keys["broker"]
    (broker.folder / "broker.key").write_text(key)
    (broker.folder / "broker.crt").write_text(certificate)
    metadata = {
        "dienstverlener": _dienstverlener(keys["dienstverlener"][1]),
        "provider": _provider(keys["provider"][1]),
    }
    broker.write(metadata, secrets.token_hex(16))
    content = {
        "dienstverlener": _party(_DIENSTVERLENER, *keys["dienstverlener"], certificate),
        "provider": _party(_PROVIDER, *keys["provider"], certificate),
        "broker": broker.entity_ids[1],
        "sso": broker.sso,
        "acs": broker.acs,
        "answer_at": _ACS,
    }
    settings = broker.folder / "client.json"
    settings.write_text(json.dumps(content))
    return settings


def _dienstverlener(certificate: str) -> str:
    signs = 'AuthnRequestsSigned="true" WantAssertionsSigned="true"'
    endpoint = (
        f'<AssertionConsumerService index="0" isDefault="true" Binding="{POST}" Location="{_ACS}"/>'
    )
    return _metadata(_DIENSTVERLENER, "SPSSODescriptor", signs, certificate, endpoint)


def _provider(certificate: str) -> str:
    endpoint = f'<SingleSignOnService Binding="{REDIRECT}" Location="{_PROVIDER}/sso"/>'
    wants = 'WantAuthnRequestsSigned="true"'
    return _metadata(_PROVIDER, "IDPSSODescriptor", wants, certificate, endpoint)


def _party(entity_id: str, key: str, certificate: str, trusted: str) -> dict[str, str]:
    return {"entity_id": entity_id, "key": key, "certificate": certificate, "trusted": trusted}


def _metadata(entity_id: str, role: str, wants: str, certificate: str, endpoint: str) -> str:
    shown = "".join(certificate.splitlines()[1:-1])
    return (
        f'<EntityDescriptor xmlns="{_METADATA}" entityID="{entity_id}"><{role} {wants} '
        f'protocolSupportEnumeration="{_PROTOCOL}"><KeyDescriptor use="signing">'
        '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>'
        f"{shown}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>{endpoint}</{role}>"
        "</EntityDescriptor>"
    )


def _certified(name: str) -> tuple[str, str]:
    """A new key and a certificate of its own (PEM)."""
    key = rsa.generate_private_key(65537, _KEY_BITS)
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode(), certificate.public_bytes(Encoding.PEM).decode()
