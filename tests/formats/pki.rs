//! A root and seal certificates of a test's own.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SignatureAlgorithm, date_time_ymd,
};
use yinxin::keys::{Identity, SoftwareKey};

pub struct Root {
    issuer: Issuer<'static, KeyPair>,
}

/// What a seal certificate says of itself.
pub struct Leaf {
    pub algorithm: &'static SignatureAlgorithm,
    pub years: (i32, i32),
    pub usages: Vec<KeyUsagePurpose>,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            algorithm: &PKCS_ECDSA_P256_SHA256,
            years: (2020, 2040),
            usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
        }
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "CN");
    name.push(DnType::OrganizationName, "示例县");
    name.push(DnType::CommonName, common_name);
    name
}

impl Root {
    pub fn new(common_name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = name(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2045, 1, 1));

        Self {
            issuer: Issuer::new(params, key),
        }
    }

    /// A seal certificate with its key.
    pub fn seal(&self, leaf: &Leaf) -> Identity {
        let key = KeyPair::generate_for(leaf.algorithm).unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = name("示例县人社局 电子印章");
        params.key_usages = leaf.usages.clone();
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (date_time_ymd(leaf.years.0, 1, 1), date_time_ymd(leaf.years.1, 1, 1));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap();
        Identity::new(Box::new(key), vec![certificate.der().clone()]).unwrap()
    }
}
