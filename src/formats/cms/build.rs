use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use const_oid::db::rfc5911;
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{ObjectIdentifier, OctetString, SetOfVec},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    Certificate,
    attr::{Attribute, Attributes},
    ext::pkix::name::GeneralName,
};

use super::{
    Digest, Scheme,
    ess::{EssCertIdV2, IssuerSerial, SIGNING_CERTIFICATE_V2, SigningCertificateV2},
    parse::ALGORITHM_PROTECTION,
};

/// Why a signature cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the chain of X.509 certificates is empty")]
    NoCertificate,
    #[error("an X.509 certificate of the chain is not strict DER")]
    Certificate,
    #[error("the structure cannot be encoded")]
    Encode(#[from] der::Error),
}

/// The signed attributes: content-type, message-digest, signing-certificate-v2 and CMSAlgorithmProtection, and no
/// signing-time, which a PAdES signature has in its dictionary (EN 319 142-1 6.3, table 1) and a timestamp in what it
/// signs.
pub struct SignedAttributes {
    content_type: ObjectIdentifier,
    scheme: Scheme,
    attributes: Attributes,
    der: Vec<u8>,
}

/// RFC 6211 2: without it, the identifiers beside the signature value could be exchanged for others that mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct AlgorithmProtection {
    digest: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    signature: AlgorithmIdentifierOwned,
}

impl SignedAttributes {
    /// Of content of a type, in pieces, one after the other, and of the chain that signs, leaf first.
    pub fn new(
        content_type: ObjectIdentifier,
        pieces: &[&[u8]],
        scheme: Scheme,
        chain: &[&[u8]],
    ) -> Result<Self, BuildError> {
        let digest = scheme.content_digest();
        let protection = AlgorithmProtection {
            digest: digest.identifier(),
            signature: scheme.identifier()?,
        };
        let leaf_der = chain.first().ok_or(BuildError::NoCertificate)?;
        let leaf = strict_certificate(leaf_der)?;
        let signing_certificate = SigningCertificateV2 {
            certs: vec![EssCertIdV2 {
                hash_algorithm: None,
                cert_hash: OctetString::new(Digest::Sha256.of(&[leaf_der]))?,
                issuer_serial: Some(IssuerSerial {
                    issuer: vec![GeneralName::DirectoryName(leaf.tbs_certificate().issuer().clone())],
                    serial_number: leaf.tbs_certificate().serial_number().clone(),
                }),
            }],
            policies: None,
        };
        // `SetOfVec` keeps the order that DER asks of a SET OF.
        let attributes = SetOfVec::try_from(vec![
            attribute(rfc5911::ID_CONTENT_TYPE, Any::from(&content_type))?,
            attribute(
                rfc5911::ID_MESSAGE_DIGEST,
                Any::encode_from(&OctetString::new(digest.of(pieces))?)?,
            )?,
            attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&signing_certificate)?)?,
            attribute(ALGORITHM_PROTECTION, Any::encode_from(&protection)?)?,
        ])?;
        let der = attributes.to_der()?;
        Ok(Self {
            content_type,
            scheme,
            attributes,
            der,
        })
    }

    /// What the key signs: the attributes as a SET OF, not as the `[0]` that stands in the message (RFC 5652 5.4).
    pub fn to_sign(&self) -> &[u8] {
        &self.der
    }

    /// The whole message: SignedData with one SignerInfo and the chain, and the content in it where it is given.
    pub fn finish(self, chain: &[&[u8]], value: &[u8], content: Option<&[u8]>) -> Result<Signed, BuildError> {
        let leaf = strict_certificate(chain.first().ok_or(BuildError::NoCertificate)?)?;
        let digest_alg = self.scheme.content_digest().identifier();
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: leaf.tbs_certificate().issuer().clone(),
                serial_number: leaf.tbs_certificate().serial_number().clone(),
            }),
            digest_alg: digest_alg.clone(),
            signed_attrs: Some(self.attributes),
            signature_algorithm: self.scheme.identifier()?,
            signature: OctetString::new(value)?,
            unsigned_attrs: None,
        };
        let certificates = chain
            .iter()
            .map(|der| strict_certificate(der).map(CertificateChoices::Certificate))
            .collect::<Result<Vec<_>, _>>()?;
        let content = content.map(OctetString::new).transpose()?;
        let data = SignedData {
            // RFC 5652 5.1: 3 where the content is not data.
            version: match self.content_type {
                rfc5911::ID_DATA => CmsVersion::V1,
                _ => CmsVersion::V3,
            },
            digest_algorithms: SetOfVec::try_from(vec![digest_alg])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: self.content_type,
                econtent: content.as_ref().map(Any::encode_from).transpose()?,
            },
            certificates: (!certificates.is_empty())
                .then(|| CertificateSet::try_from(certificates))
                .transpose()?,
            crls: None,
            signer_infos: SignerInfos(SetOfVec::new()),
        };
        Ok(Signed { data, signer })
    }
}

/// A message with its one signature, which can still bring more that no signature covers.
pub struct Signed {
    /// Without its SignerInfo.
    data: SignedData,
    signer: SignerInfo,
}

impl Signed {
    /// The octets of the signature value: what a signature timestamp is over (RFC 3161 appendix A).
    pub fn value(&self) -> &[u8] {
        self.signer.signature.as_bytes()
    }

    /// Adds an unsigned attribute with one value, in DER.
    pub fn with_unsigned(mut self, oid: ObjectIdentifier, value: &[u8]) -> Result<Self, BuildError> {
        let mut attributes: Vec<_> = match self.signer.unsigned_attrs.take() {
            Some(attributes) => attributes.into_vec(),
            None => Vec::new(),
        };
        attributes.push(attribute(oid, Any::from_der(value)?)?);
        self.signer.unsigned_attrs = Some(SetOfVec::try_from(attributes)?);
        Ok(self)
    }

    /// Leaves the X.509 certificates out, as who asked for a timestamp may wish.
    #[must_use]
    pub fn without_certificates(mut self) -> Self {
        self.data.certificates = None;
        self
    }

    /// DER of the ContentInfo.
    pub fn to_der(mut self) -> Result<Vec<u8>, BuildError> {
        self.data.signer_infos = SignerInfos::try_from(vec![self.signer])?;
        let content_info = ContentInfo {
            content_type: rfc5911::ID_SIGNED_DATA,
            content: Any::encode_from(&self.data)?,
        };
        Ok(content_info.to_der()?)
    }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value])?,
    })
}

/// Decoded, and sure to be written again byte for byte: the hash in signing-certificate-v2 is over these bytes.
fn strict_certificate(der: &[u8]) -> Result<Certificate, BuildError> {
    let certificate = Certificate::from_der(der).map_err(|_| BuildError::Certificate)?;
    if certificate.to_der()? != der {
        return Err(BuildError::Certificate);
    }
    Ok(certificate)
}
