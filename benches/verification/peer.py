"""Verifies documents with pyHanko, warm: peer.py ROOT.der SECONDS FILE…

A line for each file: documents a second, each verified wholly, as a fresh file would be.
"""

import io
import sys
import time
from datetime import datetime, timezone

from asn1crypto.x509 import Certificate
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

root, seconds, *files = sys.argv[1:]
with open(root, "rb") as file:
    trusted = Certificate.load(file.read())


def verify(document):
    context = ValidationContext(
        trust_roots=[trusted], allow_fetching=False, moment=datetime(2026, 11, 5, tzinfo=timezone.utc)
    )
    signatures = PdfFileReader(io.BytesIO(document)).embedded_signatures
    return all(validate_pdf_signature(signature, context).bottom_line for signature in signatures)


for path in files:
    with open(path, "rb") as file:
        document = file.read()
    assert verify(document), path
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < float(seconds):
        verify(document)
        count += 1
    print(count / (time.perf_counter() - start), flush=True)
