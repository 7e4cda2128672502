//! A small X.509 authority: enough to set up a node without another one, and for its tests. A county that has an
//! authority of its own uses that instead; nothing else in this crate asks who issued a credential.

use std::{fs, io, io::Write, ops::Add, path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    RevokedCertParams, SerialNumber,
};
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use super::{Algorithm, SigningKey, SoftwareKey, encrypted};

/// How long a root of [`Authority::create`] is meant to count, in days: ten years.
pub const ROOT_DAYS: u32 = 3_653;

/// File names of an authority in its folder.
pub const ROOT_CERTIFICATE: &str = "root.pem";
pub const ROOT_KEY: &str = "root.key";

/// id-kp-documentSigning (RFC 9336).
const DOCUMENT_SIGNING: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 36];

/// id-ce-extKeyUsage, and a value of it: a SEQUENCE with id-kp-timeStamping alone.
const EXTENDED_KEY_USAGE: [u64; 4] = [2, 5, 29, 37];
const TIME_STAMPING_ONLY: [u8; 12] = [0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// The longest common name, in characters (RFC 5280 appendix A, ub-common-name).
const MAX_NAME_CHARS: usize = 64;

/// Why an authority cannot be opened or does not issue. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("a name must hold 1 to {MAX_NAME_CHARS} characters")]
    Name,
    #[error("`{0}` is neither a host name nor an address")]
    Host(String),
    #[error("the validity ends before it begins or leaves the years 1970 to 9999")]
    Validity,
    #[error("the authority's certificate or key is not one that it could have written")]
    Form,
    #[error("an authority with an SM2 key issues seals and revocation lists only")]
    Sm2,
    #[error("the X.509 certificate cannot be made: {0}")]
    Issue(rcgen::Error),
    #[error("{0}")]
    Key(#[from] super::KeyError),
    #[error("`{path}` cannot be read or written")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
}

/// From when until when an X.509 certificate counts.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl Validity {
    /// So many days from now on; begins five minutes early, for clocks that are behind.
    pub fn days(now: Timestamp, days: u32) -> Self {
        Self {
            not_before: now - SignedDuration::from_mins(5),
            not_after: now + SignedDuration::from_hours(24 * i64::from(days)),
        }
    }
}

/// An X.509 certificate and its key, PEM (the key PKCS#8).
pub struct Issued {
    pub certificate_pem: String,
    pub key_pem: Zeroizing<String>,
}

impl Issued {
    /// Writes the certificate, and the key with mode 0600.
    pub fn save(&self, certificate: &Path, key: &Path) -> Result<(), AuthorityError> {
        write_private(key, self.key_pem.as_bytes())?;
        write_public(certificate, self.certificate_pem.as_bytes())
    }

    /// As [`Issued::save`], with the key under a password.
    pub fn save_encrypted(
        &self,
        certificate: &Path,
        key: &Path,
        password: &str,
        random: &dyn SecureRandom,
    ) -> Result<(), AuthorityError> {
        write_private(
            key,
            encrypt_pem(self.key_pem.as_bytes(), None, password, random)?.as_bytes(),
        )?;
        write_public(certificate, self.certificate_pem.as_bytes())
    }
}

/// The key of a PEM file under a new password, in PEM; `old` is the one that it is under, if it is.
pub fn encrypt_pem(
    pem: &[u8],
    old: Option<&str>,
    password: &str,
    random: &dyn SecureRandom,
) -> Result<String, AuthorityError> {
    let pkcs8 = encrypted::open(pem, old)?;
    // A wrong password seems right once in 256 times (RFC 8018 6.2.2): what it opens is not a key, and must not be
    // written in the place of one.
    SoftwareKey::from_pkcs8(&pkcs8)?;
    Ok(encrypted::seal(&pkcs8, password, random)?)
}

/// A root with its key: ECDSA on P-256 with SHA-256, as is everything it issues.
pub struct Authority {
    root: Issued,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new root that may sign certificates and revocation lists.
    pub fn create(name: &str, validity: Validity) -> Result<Self, AuthorityError> {
        let mut params = parameters(name, None, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = false;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = generate()?;
        let root = Issued {
            certificate_pem: params.self_signed(&key).map_err(AuthorityError::Issue)?.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        };
        Ok(Self {
            root,
            issuer: Issuer::new(params, key),
        })
    }

    /// Opens what [`Authority::save`] wrote.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let certificate_pem = read(&folder.join(ROOT_CERTIFICATE))?;
        let key_pem = Zeroizing::new(read(&folder.join(ROOT_KEY))?);
        let software = SoftwareKey::from_pem(key_pem.as_bytes(), None);
        if software.is_ok_and(|key| key.algorithm() == Algorithm::Sm2Sm3) {
            return Err(AuthorityError::Sm2);
        }
        let key = KeyPair::from_pem(&key_pem).map_err(|_| AuthorityError::Form)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(|_| AuthorityError::Form)?;
        Ok(Self {
            root: Issued {
                certificate_pem,
                key_pem,
            },
            issuer,
        })
    }

    /// Writes `root.pem` and, with mode 0600, `root.key` into a folder that is there.
    pub fn save(&self, folder: &Path) -> Result<(), AuthorityError> {
        self.root.save(&folder.join(ROOT_CERTIFICATE), &folder.join(ROOT_KEY))
    }

    /// The root's own certificate.
    pub fn root_pem(&self) -> &str {
        &self.root.certificate_pem
    }

    /// A TLS server's: for `localhost`, `127.0.0.1`, `::1` and the hosts given (names or addresses).
    pub fn server(&self, hosts: &[&str], validity: Validity) -> Result<Issued, AuthorityError> {
        let name = hosts.first().copied().unwrap_or("localhost");
        let mut params = parameters(name, None, validity)?;
        let mut all = vec!["localhost", "127.0.0.1", "::1"];
        all.extend(
            hosts
                .iter()
                .filter(|host| !["localhost", "127.0.0.1", "::1"].contains(host)),
        );
        for host in all {
            let names = CertificateParams::new([host.to_owned()]).map_err(|_| AuthorityError::Host(host.to_owned()))?;
            params.subject_alt_names.extend(names.subject_alt_names);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(&params)
    }

    /// A system's client certificate: CN is the system, O its department. Neither is trusted by a node: the key is.
    pub fn client(&self, system: &str, department: &str, validity: Validity) -> Result<Issued, AuthorityError> {
        let mut params = parameters(system, Some(department), validity)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params)
    }

    /// A department's seal certificate: CN is the seal's name, O the department, for signing documents (RFC 9336).
    pub fn seal(&self, name: &str, department: &str, validity: Validity) -> Result<Issued, AuthorityError> {
        let mut params = parameters(name, Some(department), validity)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        // NSS, and with it pdfsig and LibreOffice, knows no document signing and asks for e-mail protection.
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec()),
            ExtendedKeyUsagePurpose::EmailProtection,
        ];
        self.issue(&params)
    }

    /// A timestamp authority's: for that alone, and critical (RFC 3161 2.3).
    pub fn timestamps(&self, name: &str, organisation: &str, validity: Validity) -> Result<Issued, AuthorityError> {
        let mut params = parameters(name, Some(organisation), validity)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        // rcgen writes extended key usages as not critical.
        let mut purpose = CustomExtension::from_oid_content(&EXTENDED_KEY_USAGE, TIME_STAMPING_ONLY.to_vec());
        purpose.set_criticality(true);
        params.custom_extensions = vec![purpose];
        self.issue(&params)
    }

    /// A revocation list (RFC 5280 5), PEM: what is revoked, by serial number (most significant byte first) and since
    /// when. Its own number is the time, so that a newer list has a greater one.
    pub fn revocation_list(
        &self,
        revoked: &[(Vec<u8>, Timestamp)],
        validity: Validity,
    ) -> Result<String, AuthorityError> {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let number = u64::try_from(validity.not_before.as_millisecond()).map_err(|_| AuthorityError::Validity)?;
        let list = CertificateRevocationListParams {
            this_update: moment(epoch, validity.not_before)?,
            next_update: moment(epoch, validity.not_after)?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|(serial, since)| {
                    Ok(RevokedCertParams {
                        serial_number: SerialNumber::from_slice(serial),
                        revocation_time: moment(epoch, *since)?,
                        reason_code: None,
                        invalidity_date: None,
                    })
                })
                .collect::<Result<_, AuthorityError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).map_err(AuthorityError::Issue)?;
        list.pem().map_err(AuthorityError::Issue)
    }

    fn issue(&self, params: &CertificateParams) -> Result<Issued, AuthorityError> {
        let key = generate()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(AuthorityError::Issue)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }
}

/// Writes what anybody may read, whole or not at all.
pub fn write_public(path: &Path, content: &[u8]) -> Result<(), AuthorityError> {
    write(path, content, 0o644)
}

/// Writes a secret with mode 0600 from its first byte on, whole or not at all.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), AuthorityError> {
    write(path, content, 0o600)
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), AuthorityError> {
    use std::os::unix::fs::OpenOptionsExt;

    let fault = |source| AuthorityError::Io {
        path: path.display().to_string(),
        source,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    // A file left by an earlier run may have another mode, which opening it would keep.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)
        .map_err(fault)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(fault)?;
    fs::rename(&beside, path).map_err(fault)
}

pub(super) fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|source| AuthorityError::Io {
        path: path.display().to_string(),
        source,
    })
}

fn generate() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::Issue)
}

/// RFC 5280 appendix A: names are not empty and not too long.
pub(super) fn check_name(name: &str, organisation: Option<&str>) -> Result<(), AuthorityError> {
    let wrong = |text: &str| text.trim().is_empty() || text.chars().count() > MAX_NAME_CHARS;
    match [Some(name), organisation].into_iter().flatten().any(wrong) {
        true => Err(AuthorityError::Name),
        false => Ok(()),
    }
}

fn parameters(name: &str, organisation: Option<&str>, validity: Validity) -> Result<CertificateParams, AuthorityError> {
    check_name(name, organisation)?;
    if validity.not_after <= validity.not_before {
        return Err(AuthorityError::Validity);
    }
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(organisation) = organisation {
        params.distinguished_name.push(DnType::OrganizationName, organisation);
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = moment(epoch, validity.not_before)?;
    params.not_after = moment(epoch, validity.not_after)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A time in rcgen's own measure, whose type it does not name: counted from 1 January 1970 in it.
fn moment<T: Add<Duration, Output = T>>(epoch: T, time: Timestamp) -> Result<T, AuthorityError> {
    let seconds = u64::try_from(time.as_second()).map_err(|_| AuthorityError::Validity)?;
    Ok(epoch + Duration::from_secs(seconds))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, process::Command};

    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("yinxin-authority-{}", uuid::Uuid::now_v7()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn now() -> Timestamp {
        "2026-11-22T04:00:00Z".parse().unwrap()
    }

    fn authority() -> Authority {
        Authority::create("莎车示例根 Yinxin demo root", Validity::days(now(), ROOT_DAYS)).unwrap()
    }

    fn openssl(folder: &Folder, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(&folder.0)
            .output()
            .expect("openssl is installed");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn openssl_accepts_what_is_issued_for_its_purpose_only() {
        let folder = Folder::new();
        let authority = authority();
        authority.save(&folder.0).unwrap();
        let year = Validity::days(now(), 365);
        let issued = [
            ("server", authority.server(&["gateway.example"], year).unwrap()),
            ("client", authority.client("window", "示例窗口", year).unwrap()),
            ("seal", authority.seal("示例电子印章", "莎车县示例局", year).unwrap()),
            (
                "timestamps",
                authority.timestamps("示例时间戳", "莎车县示例局", year).unwrap(),
            ),
        ];
        for (name, issued) in &issued {
            let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
            issued.save(&folder.0.join(&certificate), &folder.0.join(&key)).unwrap();
            let time = (now().as_second() + 60).to_string();
            let verify = |purpose: &str| {
                openssl(
                    &folder,
                    &[
                        "verify",
                        "-x509_strict",
                        "-CAfile",
                        "root.pem",
                        "-attime",
                        &time,
                        "-purpose",
                        purpose,
                        &certificate,
                    ],
                )
            };
            assert_eq!(
                verify("sslserver").0,
                *name == "server",
                "{name}: {}",
                verify("sslserver").1
            );
            assert_eq!(
                verify("sslclient").0,
                *name == "client",
                "{name}: {}",
                verify("sslclient").1
            );
            assert_eq!(
                verify("timestampsign").0,
                *name == "timestamps",
                "{name}: {}",
                verify("timestampsign").1
            );
            assert!(verify("any").0, "{name}: {}", verify("any").1);
        }
        let (_, text) = openssl(&folder, &["x509", "-in", "seal.pem", "-noout", "-text"]);
        assert!(text.contains("Digital Signature, Non Repudiation"), "{text}");
        assert!(text.contains("E-mail Protection"), "{text}");
        assert!(
            text.contains("1.3.6.1.5.5.7.3.36") || text.contains("Document Signing"),
            "{text}"
        );
        let (_, text) = openssl(
            &folder,
            &["x509", "-in", "server.pem", "-noout", "-ext", "subjectAltName"],
        );
        assert!(text.contains("DNS:localhost, IP Address:127.0.0.1"), "{text}");
        assert!(text.contains("DNS:gateway.example"), "{text}");
    }

    #[test]
    fn openssl_refuses_what_is_on_the_revocation_list_and_nothing_else() {
        let folder = Folder::new();
        let authority = authority();
        authority.save(&folder.0).unwrap();
        let year = Validity::days(now(), 365);
        for name in ["kept", "revoked"] {
            let issued = authority.client(name, "示例部门", year).unwrap();
            let (certificate, key) = (
                folder.0.join(format!("{name}.pem")),
                folder.0.join(format!("{name}.key")),
            );
            issued.save(&certificate, &key).unwrap();
        }
        let pem = fs::read(folder.0.join("revoked.pem")).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        let serial = pem.parse_x509().unwrap().raw_serial().to_vec();
        let list = authority
            .revocation_list(&[(serial, now())], Validity::days(now(), 30))
            .unwrap();
        fs::write(folder.0.join("list.pem"), list).unwrap();
        let time = (now().as_second() + 60).to_string();
        for (name, counts) in [("kept", true), ("revoked", false)] {
            let certificate = format!("{name}.pem");
            let arguments = [
                "verify",
                "-x509_strict",
                "-crl_check",
                "-CAfile",
                "root.pem",
                "-CRLfile",
                "list.pem",
                "-attime",
                &time,
                &certificate,
            ];
            let (accepted, text) = openssl(&folder, &arguments);
            assert_eq!(accepted, counts, "{name}: {text}");
            assert!(counts || text.contains("certificate revoked"), "{text}");
        }
    }

    #[test]
    fn an_authority_opened_again_goes_on_issuing_under_the_same_root() {
        let folder = Folder::new();
        authority().save(&folder.0).unwrap();
        let again = Authority::open(&folder.0).unwrap();
        let issued = again.client("hr", "示例局", Validity::days(now(), 1)).unwrap();
        issued.save(&folder.0.join("hr.pem"), &folder.0.join("hr.key")).unwrap();
        let time = now().as_second().to_string();
        let (accepted, text) = openssl(&folder, &["verify", "-CAfile", "root.pem", "-attime", &time, "hr.pem"]);
        assert!(accepted, "{text}");
        let late = (now().as_second() + 2 * 86_400).to_string();
        let (accepted, text) = openssl(&folder, &["verify", "-CAfile", "root.pem", "-attime", &late, "hr.pem"]);
        assert!(!accepted && text.contains("expired"), "{text}");
    }

    #[test]
    fn keys_are_readable_by_their_owner_only_even_over_an_older_file() {
        let folder = Folder::new();
        let path = folder.0.join("root.key");
        write_public(&path, b"old").unwrap();
        authority().save(&folder.0).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(
            fs::read_to_string(&path)
                .unwrap()
                .starts_with("-----BEGIN PRIVATE KEY-----")
        );
    }

    #[test]
    fn names_and_times_that_cannot_be_are_refused() {
        let year = Validity::days(now(), 365);
        let authority = authority();
        assert!(matches!(authority.client("", "d", year), Err(AuthorityError::Name)));
        assert!(matches!(
            authority.client(&"名".repeat(65), "d", year),
            Err(AuthorityError::Name)
        ));
        assert!(matches!(
            authority.server(&["exämple host"], year),
            Err(AuthorityError::Host(_))
        ));
        let backwards = Validity {
            not_before: year.not_after,
            not_after: year.not_before,
        };
        assert!(matches!(
            authority.client("s", "d", backwards),
            Err(AuthorityError::Validity)
        ));
    }

    #[test]
    fn what_a_wrong_password_happens_to_open_is_not_written_as_a_key() {
        let random = ring::rand::SystemRandom::new();
        let sealed = encrypted::seal(b"not a key", "old", &random).unwrap();
        let again = encrypt_pem(sealed.as_bytes(), Some("old"), "new", &random);
        assert!(matches!(again, Err(AuthorityError::Key(_))), "{again:?}");
    }
}
