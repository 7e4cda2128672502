//! A root and seal certificates of a test's own.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    RevocationReason, RevokedCertParams, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use yinxin::{
    keys::{Identity, SoftwareKey},
    verification::{Trust, Verifier},
};

/// Year, month and day.
type Day = (i32, u8, u8);

pub struct Root {
    pub der: CertificateDer<'static>,
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a seal certificate says of itself.
pub struct Leaf {
    pub algorithm: &'static SignatureAlgorithm,
    pub years: (i32, i32),
    pub usages: Vec<KeyUsagePurpose>,
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            algorithm: &PKCS_ECDSA_P256_SHA256,
            years: (2020, 2040),
            usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
            purposes: Vec::new(),
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
        Self::with_alternative_names(common_name, 0)
    }

    /// Likewise, with so many alternative names: to be long.
    pub fn with_alternative_names(common_name: &str, names: usize) -> Self {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = (0..names).map(|place| format!("name-{place}.example")).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = name(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2045, 1, 1));

        let certificate = params.self_signed(&key).unwrap();
        Self {
            der: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A verifier that trusts this root and no other.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(Trust::new(vec![self.der.clone()], "2026-11-02T00:00:00Z".parse().unwrap()).unwrap())
    }

    /// A CRL that revokes these serial numbers since June 2026; it is of October to December.
    pub fn crl(&self, serials: &[&[u8]]) -> Vec<u8> {
        let revoked = |serial: &&[u8]| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: date_time_ymd(2026, 6, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 10, 1),
            next_update: date_time_ymd(2026, 12, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    /// PEM of any other X.509 certificate that it signs.
    pub fn issue(&self, params: &CertificateParams, key: &KeyPair) -> String {
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    /// A seal certificate with its key.
    pub fn seal(&self, leaf: &Leaf) -> Identity {
        let key = KeyPair::generate_for(leaf.algorithm).unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = name("示例县人社局 电子印章");
        params.key_usages = leaf.usages.clone();
        params.extended_key_usages = leaf.purposes.clone();
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (date_time_ymd(leaf.years.0, 1, 1), date_time_ymd(leaf.years.1, 1, 1));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap();
        Identity::new(Box::new(key), vec![certificate.der().clone()]).unwrap()
    }

    /// A timestamp authority's certificate with its key; `critical` and alone, as RFC 3161 asks, or not.
    pub fn timestamps(&self, critical: bool) -> Identity {
        self.timestamps_of(critical, (2020, 2040))
    }

    /// Likewise, valid from the beginning of one year to that of another.
    pub fn timestamps_of(&self, critical: bool, (from, to): (i32, i32)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = name("示例时间戳");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        // SEQUENCE { id-kp-timeStamping }
        let value = vec![0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];
        let mut purpose = CustomExtension::from_oid_content(&[2, 5, 29, 37], value);
        purpose.set_criticality(critical);
        params.custom_extensions = vec![purpose];
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap();
        Identity::new(Box::new(key), vec![certificate.der().clone()]).unwrap()
    }

    /// A revocation list in force from 1 November 2026 on until a day, with these serial numbers on it.
    pub fn list(&self, revoked: &[&[u8]], until: Day) -> Vec<u8> {
        self.written(revoked, ((2026, 11, 1), (2026, 11, 2)), until)
    }

    /// Likewise, revoked since another day.
    pub fn list_since(&self, revoked: &[&[u8]], since: Day, until: Day) -> Vec<u8> {
        self.written(revoked, ((2026, 11, 1), since), until)
    }

    /// Likewise, in force from another day on.
    pub fn list_of(&self, revoked: &[&[u8]], from: Day, until: Day) -> Vec<u8> {
        self.written(revoked, (from, (2026, 11, 2)), until)
    }

    fn written(&self, revoked: &[&[u8]], (from, since): (Day, Day), (year, month, day): Day) -> Vec<u8> {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(from.0, from.1, from.2),
            next_update: date_time_ymd(year, month, day),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from_slice(serial),
                    revocation_time: date_time_ymd(since.0, since.1, since.2),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}
