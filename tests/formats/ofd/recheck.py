"""Re-checks the seal of an OFD: recheck.py FILE ROOT.der

Knows nothing of the project: zipfile, ElementTree, the SM3 of OpenSSL by hashlib, asn1crypto, and gmssl for SM2. Prints
what is wrong, and exits with 1 then.
"""

import base64
import hashlib
import sys
import zipfile
from xml.etree import ElementTree

from asn1crypto import parser
from gmssl import sm2

IDENTITY = b"1234567812345678"


def fields(der):
    """The values in a SEQUENCE: class and tag, whole bytes, content."""
    _, _, _, _, content, _ = parser.parse(der, strict=True)
    at = 0
    while at < len(content):
        kind, method, tag, header, inside, trailer = parser.parse(content[at:])
        whole = header + inside + trailer
        yield (kind, tag), whole, inside
        at += len(whole)


def certificate(der):
    """Body, issuer, subject, point and value of an X.509 certificate."""
    (_, body, _), _, (_, _, value) = fields(der)
    parts = [whole for tag, whole, _ in fields(body) if tag[0] == 0]
    _, _, issuer, _, subject, key, *_ = parts
    _, (_, _, point) = fields(key)
    return body, issuer, subject, point[1:], value[1:]


def right(point, message, value):
    """Whether an SM2 value (DER) is right."""
    r, s = (int.from_bytes(inside, "big") for _, _, inside in fields(value))
    key = sm2.CryptSM2(private_key="", public_key="")
    # Of one that is given above, and begins with 04, each 0 and 4 at its front would be taken off.
    key.public_key = point[1:].hex()
    curve = bytes.fromhex(key.ecc_table["a"] + key.ecc_table["b"] + key.ecc_table["g"])
    z = hashlib.new("sm3", (len(IDENTITY) * 8).to_bytes(2, "big") + IDENTITY + curve + point[1:]).digest()
    digest = hashlib.new("sm3", z + message).digest()
    return key.verify(f"{r:064x}{s:064x}", digest)


def main():
    wrong = []

    def check(what, holds):
        if not holds:
            wrong.append(what)

    archive = zipfile.ZipFile(sys.argv[1])
    names = archive.namelist()
    check("names stand once", len(set(names)) == len(names))
    check("the archive is whole", archive.testzip() is None)
    _, _, root_name, root_point, _ = certificate(open(sys.argv[2], "rb").read())

    descriptions = [name for name in names if name.endswith("/Signature.xml")]
    check("there is a signature", descriptions)
    for description in descriptions:
        xml = archive.read(description)
        tree = ElementTree.fromstring(xml)
        references = [element for element in tree.iter() if element.tag.endswith("}Reference")]
        check("there are references", references)
        covered = set()
        for reference in references:
            path = reference.attrib["FileRef"].lstrip("/")
            covered.add(path)
            digest = base64.b64decode("".join(reference.itertext()))
            check(f"digest of {path}", hashlib.new("sm3", archive.read(path)).digest() == digest)
        folder = description.rsplit("/", 1)[0]
        signs = folder.rsplit("/", 1)[0]
        for name in names:
            check(f"{name} is covered", name in covered or name.startswith(f"{signs}/") or name.endswith("/"))

        signature = archive.read(f"{folder}/SignedValue.dat")
        (_, signed, _), (_, _, signer), _, (_, _, value), *_ = fields(signature)
        (_, _, version), (_, seal, _), _, (_, _, digest), (_, _, path), *_ = fields(signed)
        check("version 4", version == b"\x04")
        check("path", path.decode().lstrip("/") == description)
        check("digest of the description", digest[1:] == hashlib.new("sm3", xml).digest())
        check("seal beside the signature", archive.read(f"{folder}/Seal.esl") == seal)
        _, issuer, _, point, certificate_value = certificate(signer)
        check("value of the signature", right(point, signed, value[1:]))
        check("signer's X.509 certificate", issuer == root_name)
        check("signer's value", right(root_point, certificate(signer)[0], certificate_value))

        (_, info, _), (_, _, maker), _, (_, _, value), *_ = fields(seal)
        maker_body, issuer, _, point, certificate_value = certificate(maker)
        check("value of the seal", right(point, info, value[1:]))
        check("maker's X.509 certificate", issuer == root_name and right(root_point, maker_body, certificate_value))
        _, _, (_, properties, _), *_ = fields(info)
        _, _, (_, _, kind), (_, listed, _), *_ = fields(properties)
        check("certificates are listed", kind == b"\x01")
        check("the signer is listed", signer in [inside for _, _, inside in fields(listed)])

    print("\n".join(wrong))
    sys.exit(bool(wrong))


main()
