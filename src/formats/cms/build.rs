use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use const_oid::db::{rfc5911, rfc5912, rfc8410};
use der::{
    Any, Decode, Encode,
    asn1::{Null, ObjectIdentifier, OctetString, SetOfVec},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    Certificate,
    attr::{Attribute, Attributes},
    ext::pkix::name::GeneralName,
};

use super::{
    Digest, SignatureAlgorithm,
    ess::{EssCertIdV2, IssuerSerial, SIGNING_CERTIFICATE_V2, SigningCertificateV2},
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

/// The signed attributes of a detached signature: content-type, message-digest and signing-certificate-v2, and no
/// signing-time, which a PAdES signature has in its dictionary (EN 319 142-1 6.3, table 1).
pub struct SignedAttributes {
    attributes: Attributes,
    der: Vec<u8>,
}

impl SignedAttributes {
    /// Of a content's digest and of the chain that signs, leaf first.
    pub fn new(content_digest: &[u8], chain: &[&[u8]]) -> Result<Self, BuildError> {
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
            attribute(rfc5911::ID_CONTENT_TYPE, Any::from(&rfc5911::ID_DATA))?,
            attribute(
                rfc5911::ID_MESSAGE_DIGEST,
                Any::encode_from(&OctetString::new(content_digest)?)?,
            )?,
            attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&signing_certificate)?)?,
        ])?;
        let der = attributes.to_der()?;
        Ok(Self { attributes, der })
    }

    /// What the key signs: the attributes as a SET OF, not as the `[0]` that stands in the message (RFC 5652 5.4).
    pub fn to_sign(&self) -> &[u8] {
        &self.der
    }

    /// The whole message: DER of a ContentInfo that holds SignedData with one SignerInfo and the chain.
    pub fn finish(self, algorithm: SignatureAlgorithm, chain: &[&[u8]], value: &[u8]) -> Result<Vec<u8>, BuildError> {
        let leaf = strict_certificate(chain.first().ok_or(BuildError::NoCertificate)?)?;
        let digest_alg = digest_identifier(algorithm.digest());
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: leaf.tbs_certificate().issuer().clone(),
                serial_number: leaf.tbs_certificate().serial_number().clone(),
            }),
            digest_alg: digest_alg.clone(),
            signed_attrs: Some(self.attributes),
            signature_algorithm: signature_identifier(algorithm),
            signature: OctetString::new(value)?,
            unsigned_attrs: None,
        };
        let certificates = chain
            .iter()
            .map(|der| strict_certificate(der).map(CertificateChoices::Certificate))
            .collect::<Result<Vec<_>, _>>()?;
        let signed_data = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![digest_alg])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: rfc5911::ID_DATA,
                econtent: None,
            },
            certificates: Some(CertificateSet::try_from(certificates)?),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![signer])?,
        };
        let content_info = ContentInfo {
            content_type: rfc5911::ID_SIGNED_DATA,
            content: Any::encode_from(&signed_data)?,
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

fn digest_identifier(digest: Digest) -> AlgorithmIdentifierOwned {
    let oid = match digest {
        Digest::Sha256 => rfc5912::ID_SHA_256,
        Digest::Sha384 => rfc5912::ID_SHA_384,
        Digest::Sha512 => rfc5912::ID_SHA_512,
    };
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn signature_identifier(algorithm: SignatureAlgorithm) -> AlgorithmIdentifierOwned {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => AlgorithmIdentifierOwned {
            oid: rfc5912::ECDSA_WITH_SHA_256,
            parameters: None,
        },
        SignatureAlgorithm::Ed25519 => AlgorithmIdentifierOwned {
            oid: rfc8410::ID_ED_25519,
            parameters: None,
        },
        SignatureAlgorithm::RsaPkcs1Sha256 => AlgorithmIdentifierOwned {
            oid: rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
            parameters: Some(Any::from(Null)),
        },
    }
}
