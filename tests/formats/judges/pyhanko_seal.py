"""Validates the one seal of a PDF, whatever timestamps follow it, with pyHanko: judge FILE ROOT.pem [TIME]; prints a line a fact."""

import sys
from datetime import datetime, timezone

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

document, root, *time = sys.argv[1:]
context = ValidationContext(
    trust_roots=[load_cert_from_pemder(root)],
    allow_fetching=False,
    moment=datetime.fromisoformat(time[0]) if time else datetime(2026, 11, 5, tzinfo=timezone.utc),
)
with open(document, "rb") as file:
    (seal,) = PdfFileReader(file).embedded_regular_signatures
    status = validate_pdf_signature(seal, context)
    print(f"subfilter {seal.sig_object['/SubFilter']}")
    print(f"coverage {status.coverage.name}")
    print(f"docmdp {status.docmdp_ok}")
    print(f"valid {status.valid} intact {status.intact} trusted {status.trusted}")
    print(f"bottom_line {status.bottom_line}")
