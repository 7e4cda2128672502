"""Validates a seal of some PAdES level with pyHanko: judge FILE ROOT.pem LEVEL; prints a line a fact.

From B-LT on nothing but what stands in the document is known of revocation, and it is required.
"""

import asyncio
import sys
from datetime import datetime, timezone

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import (
    DocumentSecurityStore,
    validate_pdf_signature,
    validate_pdf_timestamp,
)
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    REQUIRE_REVINFO,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleTrustManager

path, root, level = sys.argv[1:]
moment = datetime(2026, 11, 6, tzinfo=timezone.utc)
roots = [load_cert_from_pemder(root)]


def context(reader):
    settings = {"trust_roots": roots, "allow_fetching": False, "moment": moment}
    if level in ("B-B", "B-T"):
        return ValidationContext(**settings)
    settings["revocation_mode"] = "hard-fail"
    return DocumentSecurityStore.read_dss(reader).as_validation_context(settings)


with open(path, "rb") as file:
    reader = PdfFileReader(file)
    seal = reader.embedded_regular_signatures[0]
    status = validate_pdf_signature(seal, context(reader), ts_validation_context=context(reader))
    modification = status.modification_level.name if status.modification_level else None
    print(f"coverage {status.coverage.name} modification {modification}")
    print(f"docmdp {status.docmdp_ok}")
    print(f"valid {status.valid} intact {status.intact} trusted {status.trusted}")
    print(f"bottom_line {status.bottom_line}")
    stamp = status.timestamp_validity
    if stamp:
        print(f"timestamp valid {stamp.valid} trusted {stamp.trusted}")
    if level in ("B-LT", "B-LTA"):
        dss = DocumentSecurityStore.read_dss(reader)
        print(f"dss certs {len(dss.certs)} crls {len(dss.crls)} vri {len(dss.vri_entries)}")
        assert set(dss.vri_entries) == {
            DocumentSecurityStore.sig_content_identifier(seal.pkcs7_content)
        }, "VRI key"
    if level == "B-LTA":
        (stamp,) = reader.embedded_timestamp_signatures
        status = validate_pdf_timestamp(stamp, context(reader))
        print(
            f"document_timestamp valid {status.valid} trusted {status.trusted} "
            f"coverage {status.coverage.name}"
        )
        spec = SignatureValidationSpec(
            cert_validation_policy=CertValidationPolicySpec(
                trust_manager=SimpleTrustManager.build(trust_roots=roots),
                revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
            ),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(
                online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY
            ),
        )
        timing = ValidationTimingInfo(
            validation_time=moment, best_signature_time=moment, point_in_time_validation=True
        )
        result = asyncio.run(
            ades_lta_validation(seal, PdfSignatureValidationSpec(spec), timing_info=timing)
        )
        print(f"ades_lta {result.ades_subindic.status.name} {result.ades_subindic}")
