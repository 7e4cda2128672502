use std::{fs, path::Path, sync::Arc};

use jiff::Timestamp;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, crypto::CryptoProvider,
    server::WebPkiClientVerifier,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use yinxin::{
    ids::SpkiThumbprint,
    keys::authority::{self, Issued, Validity},
};

/// An authority of one test: nothing trusts it but what the test sets up.
pub struct Authority(authority::Authority);

/// An X.509 certificate with its key.
#[derive(Clone)]
pub struct Credential {
    pub chain: Vec<CertificateDer<'static>>,
    pub certificate_pem: String,
    pub key_pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self(authority::Authority::create(name, days(3)).unwrap())
    }

    /// Writes `root.pem` and `root.key`.
    pub fn save(&self, folder: &Path) {
        self.0.save(folder).unwrap();
    }

    pub fn root_pem(&self) -> &str {
        self.0.root_pem()
    }

    /// For `localhost` and 127.0.0.1.
    pub fn server(&self) -> Credential {
        self.0.server(&[], days(2)).unwrap().into()
    }

    pub fn client(&self, system: &str) -> Credential {
        self.0.client(system, "示例部门", days(2)).unwrap().into()
    }

    pub fn timestamps(&self) -> Credential {
        self.0.timestamps("示例时间戳", "示例部门", days(2)).unwrap().into()
    }

    /// A revocation list, PEM, with nothing on it.
    pub fn revocation_list(&self) -> String {
        self.0.revocation_list(&[], days(2)).unwrap()
    }

    pub fn seal(&self, name: &str, department: &str) -> Credential {
        self.0.seal(name, department, days(2)).unwrap().into()
    }

    /// The client side of TLS 1.3 that trusts this authority only, with a client certificate or without.
    pub fn client_config(&self, credential: Option<&Credential>) -> ClientConfig {
        self.client_config_of(&rustls::version::TLS13, credential)
    }

    pub fn client_config_of(
        &self,
        version: &'static SupportedProtocolVersion,
        credential: Option<&Credential>,
    ) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(ring())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots());
        match credential {
            Some(credential) => builder
                .with_client_auth_cert(credential.chain.clone(), credential.key())
                .unwrap(),
            None => builder.with_no_client_auth(),
        }
    }

    /// The server side of mutual TLS: only clients of this authority get in.
    pub fn server_config(&self, credential: &Credential) -> ServerConfig {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), ring())
            .build()
            .unwrap();
        ServerConfig::builder_with_provider(ring())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(credential.chain.clone(), credential.key())
            .unwrap()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.root_pem().as_bytes()).unwrap())
            .unwrap();
        roots
    }
}

impl From<Issued> for Credential {
    fn from(issued: Issued) -> Self {
        Self {
            chain: vec![CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap()],
            certificate_pem: issued.certificate_pem,
            key_pem: issued.key_pem.to_string(),
        }
    }
}

impl Credential {
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).unwrap()
    }

    /// Writes `NAME.pem` and, for its owner only, `NAME.key`.
    pub fn save(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.pem")), &self.certificate_pem).unwrap();
        authority::write_private(&folder.join(format!("{name}.key")), self.key_pem.as_bytes()).unwrap();
    }

    /// As [`Credential::save`], with the key under the password of `seal.password` beside it.
    pub fn save_encrypted(&self, folder: &Path, name: &str) {
        let random = ring::rand::SystemRandom::new();
        let sealed = authority::encrypt_pem(self.key_pem.as_bytes(), None, SEAL_PASSWORD, &random).unwrap();
        fs::write(folder.join(format!("{name}.pem")), &self.certificate_pem).unwrap();
        authority::write_private(&folder.join(format!("{name}.key")), sealed.as_bytes()).unwrap();
        authority::write_private(&folder.join("seal.password"), SEAL_PASSWORD.as_bytes()).unwrap();
    }

    /// What a node knows the holder by.
    pub fn thumbprint(&self) -> SpkiThumbprint {
        let (_, parsed) = x509_parser::parse_x509_certificate(&self.chain[0]).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, parsed.public_key().raw);
        SpkiThumbprint(digest.as_ref().try_into().unwrap())
    }

    /// RFC 8705 3.1: what a token of the holder is bound to.
    pub fn x5t_s256(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.chain[0]);
        data_encoding::BASE64URL_NOPAD.encode(digest.as_ref())
    }
}

/// What the seal keys of tests are under.
pub const SEAL_PASSWORD: &str = "correct horse 印信 battery staple";

fn days(days: u32) -> Validity {
    Validity::days(Timestamp::now(), days)
}

fn ring() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
