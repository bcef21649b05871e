"""Who appears in the test vectors: keys and certificates that come from a name, so that everybody can make them again."""

import base64
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

NOW = 1_764_000_000
ATTESTATION, OTHER_ATTESTATION = "a1" * 32, "a2" * 32
EXECUTION = "e1" * 32


class Party:
    """A key, and a certificate of it, that come from a name: everybody can make them again."""

    def __init__(self, name, operator=None, tenant=None):
        self.name, self.operator, self.tenant = name, operator, tenant
        self.seed = hashlib.sha256(f"countersign test vector: {name}".encode()).digest()
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begin = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
        builder = x509.CertificateBuilder(subject, subject, self.key.public_key(), 1)
        builder = builder.not_valid_before(begin).not_valid_after(begin.replace(year=2035))
        self.certificate = builder.sign(self.key, None).public_bytes(Encoding.DER)
        self.fingerprint = hashlib.sha256(self.certificate).hexdigest()

    def public_key(self):
        return base64.b64encode(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


A = Party("producer-a", "operator-a", "11111111-1111-4111-8111-111111111111")
B = Party("producer-b", "operator-b", "22222222-2222-4222-8222-222222222222")
STRANGER = Party("stranger")
B_NEXT = Party("producer-b-next")
SIGNER = Party("signer")
SIGNER_NEXT, SIGNER_RETIRED = Party("signer-next"), Party("signer-retired")
PARTIES = {party.name: party for party in (A, B, B_NEXT, STRANGER, SIGNER, SIGNER_NEXT, SIGNER_RETIRED)}


def keys():
    def entry(party):
        return {
            "private_key_seed": party.seed.hex(),
            "public_key": party.public_key(),
            "certificate_der": base64.b64encode(party.certificate).decode(),
            "certificate_sha256": party.fingerprint,
        }

    return {
        "about": "Keys that everybody knows: for tests only. Each seed is SHA-256 of `countersign test vector: ` and the name.",
        "parties": {name: entry(party) for name, party in PARTIES.items()},
    }
