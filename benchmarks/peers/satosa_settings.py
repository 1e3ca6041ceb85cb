"""SATOSA's configuration as a broker: SAML on both sides, signed as eHerkenning demands.

The best that was found: requests onward by the redirect binding (its signature costs no run of
xmlsec1), no encryption of assertions, logging of errors only, metadata from files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_BINDINGS = "urn:oasis:names:tc:SAML:2.0:bindings:"
POST, REDIRECT = f"{_BINDINGS}HTTP-POST", f"{_BINDINGS}HTTP-Redirect"
_NAME_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


@dataclass(frozen=True)
class Broker:
    """Where the proxy is, its files, and the two parties that it knows."""

    base: str
    folder: Path
    xmlsec1: str

    @property
    def entity_ids(self) -> tuple[str, str]:
        """Towards dienstverleners, and towards providers."""
        return f"{self.base}/frontend", f"{self.base}/backend"

    @property
    def sso(self) -> str:
        return f"{self.base}/broker/sso/post"

    @property
    def acs(self) -> str:
        return f"{self.base}/broker/acs/post"

    def write(self, metadata: Mapping[str, str], state_key: str) -> Path:
        """All its files; returns that of the proxy. `metadata`: XML of both parties."""
        for name, xml in metadata.items():
            (self.folder / f"{name}.xml").write_text(xml)
        frontend = self._written("frontend.yaml", self._frontend())
        backend = self._written("backend.yaml", self._backend())
        attributes = {"attributes": {"name": {"saml": ["cn"]}}, "user_id_from_attrs": []}
        return self._written(
            "proxy.yaml",
            {
                "BASE": self.base,
                "COOKIE_STATE_NAME": "SATOSA_STATE",
                "COOKIE_SECURE": False,
                "STATE_ENCRYPTION_KEY": state_key,
                "INTERNAL_ATTRIBUTES": str(self._written("attributes.yaml", attributes)),
                "BACKEND_MODULES": [str(backend)],
                "FRONTEND_MODULES": [str(frontend)],
                "LOGGING": {
                    "version": 1,
                    "root": {"level": "ERROR", "handlers": ["stderr"]},
                    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
                },
            },
        )

    def _written(self, name: str, content: Mapping[str, Any]) -> Path:
        """YAML; JSON is that, too."""
        path = self.folder / name
        path.write_text(json.dumps(content, indent=1))
        return path

    def _common(self, entity_id: str, knows: str) -> dict[str, Any]:
        return {
            "entityid": entity_id,
            "key_file": str(self.folder / "broker.key"),
            "cert_file": str(self.folder / "broker.crt"),
            "xmlsec_binary": self.xmlsec1,
            "metadata": {"local": [str(self.folder / f"{knows}.xml")]},
            "allow_unknown_attributes": True,
        }

    def _frontend(self) -> dict[str, Any]:
        idp = {
            "endpoints": {"single_sign_on_service": []},
            "want_authn_requests_signed": True,
            "signing_algorithm": _RSA_SHA256,
            "digest_algorithm": _SHA256,
            "name_id_format": [_NAME_FORMAT],
            "policy": {"default": {"sign_response": True, "sign_assertion": True}},
        }
        config = {
            **self._common(self.entity_ids[0], "dienstverlener"),
            "service": {"idp": idp},
        }
        return {
            "module": "satosa.frontends.saml2.SAMLFrontend",
            "name": "frontend",
            "config": {
                "idp_config": config,
                "endpoints": {"single_sign_on_service": {POST: "sso/post"}},
            },
        }

    def _backend(self) -> dict[str, Any]:
        sp = {
            "endpoints": {"assertion_consumer_service": [[self.acs, POST]]},
            "authn_requests_signed": True,
            "want_response_signed": True,
            "want_assertions_signed": True,
            "allow_unsolicited": True,  # else an answer must meet the worker that asked
            "signing_algorithm": _RSA_SHA256,
            "digest_algorithm": _SHA256,
            "name_id_format": [_NAME_FORMAT],
        }
        config = {**self._common(self.entity_ids[1], "provider"), "service": {"sp": sp}}
        return {
            "module": "satosa.backends.saml2.SAMLBackend",
            "name": "broker",
            "config": {"sp_config": config, "acs_selection_strategy": "use_first_acs"},
        }
