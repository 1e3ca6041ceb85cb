"""A dienstverlener and an identity provider that speak SAML, for logins through a broker.

Signed as eHerkenning demands: the AuthnRequest, the Response and the Assertion in it, RSA-SHA256.
What is received is verified: signature, status, whom it answers, whom it is for.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree
from signxml import CanonicalizationMethod, XMLSigner, XMLVerifier
from signxml.exceptions import SignXMLException

LEVEL = "urn:etoegang:core:assurance-class:loa3"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_NAMES = {"p": _PROTOCOL, "a": _ASSERTION}
_NAMESPACES = f'xmlns:samlp="{_PROTOCOL}" xmlns:saml="{_ASSERTION}"'
_SIGNED_HERE = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="placeholder"/>'
_VALID = timedelta(minutes=5)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Refused(Exception):
    """What was received does not hold."""


@dataclass(frozen=True)
class Party:
    """An entity with its key, its certificate and the one that it trusts (PEM)."""

    entity_id: str
    key: RSAPrivateKey
    certificate: str
    trusted: str

    def sign(self, xml: str, id_: str) -> etree._Element:
        signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
        return signer.sign(
            etree.fromstring(xml), key=self.key, cert=self.certificate, reference_uri=id_
        )

    def verified(self, element: etree._Element) -> etree._Element:
        """What its own signature holds for. Raises Refused."""
        verifier = XMLVerifier()
        try:
            found = verifier.verify(element, x509_cert=self.trusted, id_attribute="ID")
        except (SignXMLException, ValueError) as error:
            raise Refused(str(error)) from None
        return found.signed_xml


def authn_request(party: Party, to: str, answer_at: str) -> tuple[str, str]:
    """A signed request and its ID; base64, as the POST binding has it."""
    id_ = _new_id()
    xml = (
        f'<samlp:AuthnRequest {_NAMESPACES} ID="{id_}" Version="2.0" IssueInstant="{_now()}" '
        f'Destination="{to}" AssertionConsumerServiceURL="{answer_at}" ProtocolBinding="{_POST}">'
        f"<saml:Issuer>{party.entity_id}</saml:Issuer>{_SIGNED_HERE}"
        f'<samlp:RequestedAuthnContext Comparison="minimum"><saml:AuthnContextClassRef>{LEVEL}'
        "</saml:AuthnContextClassRef></samlp:RequestedAuthnContext></samlp:AuthnRequest>"
    )
    return _encoded(party.sign(xml, id_)), id_


def requested(party: Party, query: str) -> str:
    """The ID of a request that came by the redirect binding. Raises Refused."""
    parts = {name: values[0] for name, values in parse_qs(query).items()}
    signed = query.rpartition("&Signature=")[0].encode()
    public: Any = load_pem_x509_certificate(party.trusted.encode()).public_key()
    signature = base64.b64decode(parts["Signature"])
    public.verify(signature, signed, padding.PKCS1v15(), SHA256())
    request = etree.fromstring(zlib.decompress(base64.b64decode(parts["SAMLRequest"]), -15))
    return str(request.get("ID"))


def response(party: Party, request_id: str, to: str, audience: str, person: str) -> str:
    """A signed response with a signed assertion; base64."""
    id_, assertion_id = _new_id(), _new_id()
    until = (datetime.now(UTC) + _VALID).strftime(_TIME)
    issuer = f"<saml:Issuer>{party.entity_id}</saml:Issuer>"
    assertion = (
        f'<saml:Assertion xmlns:saml="{_ASSERTION}" ID="{assertion_id}" Version="2.0" '
        f'IssueInstant="{_now()}">{issuer}{_SIGNED_HERE}'
        f'<saml:Subject><saml:NameID Format="{_PERSISTENT}">{person}</saml:NameID>'
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml:SubjectConfirmationData InResponseTo="{request_id}" NotOnOrAfter="{until}" '
        f'Recipient="{to}"/></saml:SubjectConfirmation></saml:Subject>'
        f'<saml:Conditions NotBefore="{_now()}" NotOnOrAfter="{until}"><saml:AudienceRestriction>'
        f"<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
        f'<saml:AuthnStatement AuthnInstant="{_now()}"><saml:AuthnContext>'
        f"<saml:AuthnContextClassRef>{LEVEL}</saml:AuthnContextClassRef></saml:AuthnContext>"
        "</saml:AuthnStatement></saml:Assertion>"
    )
    signed = etree.tostring(party.sign(assertion, assertion_id)).decode()
    xml = (
        f'<samlp:Response {_NAMESPACES} ID="{id_}" Version="2.0" IssueInstant="{_now()}" '
        f'Destination="{to}" InResponseTo="{request_id}">{issuer}{_SIGNED_HERE}<samlp:Status>'
        f'<samlp:StatusCode Value="{_SUCCESS}"/></samlp:Status>{signed}</samlp:Response>'
    )
    return _encoded(party.sign(xml, id_))


def require_answer(party: Party, encoded: str, request_id: str) -> None:
    """The response to our request, verified with the assertion in it. Raises Refused."""
    answer = party.verified(etree.fromstring(base64.b64decode(encoded)))
    status = answer.find("p:Status/p:StatusCode", _NAMES)
    inside = answer.find("a:Assertion", _NAMES)
    if inside is None or status is None or status.get("Value") != _SUCCESS:
        raise Refused("no success")
    assertion = party.verified(inside)
    level = assertion.findtext(".//a:AuthnContextClassRef", namespaces=_NAMES)
    audience = assertion.findtext(".//a:Audience", namespaces=_NAMES)
    if answer.get("InResponseTo") != request_id or audience != party.entity_id or level != LEVEL:
        raise Refused("an answer to something else")


def unsigned(encoded: str) -> str:
    """The same without its first signature."""
    element = etree.fromstring(base64.b64decode(encoded))
    signature = next(element.iter("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    signature.getparent().remove(signature)
    return _encoded(element)


def _encoded(element: etree._Element) -> str:
    return base64.b64encode(etree.tostring(element)).decode()


def _new_id() -> str:
    return f"_{uuid4().hex}"


def _now() -> str:
    return datetime.now(UTC).strftime(_TIME)
