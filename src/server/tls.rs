//! TLS of the listeners: certificates, keys and client roots are read again when their files change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::{
        ClientHello, ResolvesServerCert, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("`{path}` cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` holds no usable PEM: {reason}")]
    Form { path: PathBuf, reason: String },
}

/// The provider of all TLS here: ring.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A listener's TLS, with the files it came from.
pub struct ListenerTls {
    certificate: PathBuf,
    key: PathBuf,
    client_roots: Option<PathBuf>,
    seen: ArcSwap<Vec<Option<SystemTime>>>,
    server: Arc<ReloadedCertificate>,
    clients: Option<Arc<ReloadedClientVerifier>>,
}

impl ListenerTls {
    /// Reads the files. With client roots, a client certificate is required.
    pub fn load(certificate: &Path, key: &Path, client_roots: Option<&Path>) -> Result<Self, TlsError> {
        let server = Arc::new(ReloadedCertificate(ArcSwap::new(certified_key(certificate, key)?)));
        let clients = client_roots
            .map(|roots| client_verifier(roots).map(|v| Arc::new(ReloadedClientVerifier(ArcSwap::from_pointee(v)))))
            .transpose()?;
        let tls = Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            client_roots: client_roots.map(Path::to_owned),
            seen: ArcSwap::default(),
            server,
            clients,
        };
        tls.seen.store(Arc::new(tls.modified()));
        Ok(tls)
    }

    /// The configuration to listen with.
    pub fn server_config(&self, tls_1_2: bool) -> Result<ServerConfig, TlsError> {
        const ONLY_1_3: &[&SupportedProtocolVersion] = &[&TLS13];
        const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(if tls_1_2 { BOTH } else { ONLY_1_3 })
            .map_err(|error| self.form(&error))?;
        let builder = match &self.clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        Ok(builder.with_cert_resolver(self.server.clone()))
    }

    /// Reads the files again if one of them changed; what cannot be read leaves the old in force.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let modified = self.modified();
        if **self.seen.load() == modified {
            return Ok(false);
        }
        let server = certified_key(&self.certificate, &self.key)?;
        if let (Some(verifier), Some(roots)) = (&self.clients, &self.client_roots) {
            verifier.0.store(Arc::new(client_verifier(roots)?));
        }
        self.server.0.store(server);
        self.seen.store(Arc::new(modified));
        Ok(true)
    }

    fn modified(&self) -> Vec<Option<SystemTime>> {
        [Some(&self.certificate), Some(&self.key), self.client_roots.as_ref()]
            .into_iter()
            .flatten()
            .map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
            .collect()
    }

    fn form(&self, reason: &dyn std::fmt::Display) -> TlsError {
        TlsError::Form {
            path: self.certificate.clone(),
            reason: reason.to_string(),
        }
    }
}

/// The X.509 certificates of a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let form = |reason: String| TlsError::Form {
        path: path.to_owned(),
        reason,
    };
    let pem = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| form(error.to_string()))?;
    if chain.is_empty() {
        return Err(form("no CERTIFICATE block".to_owned()));
    }
    Ok(chain)
}

/// The X.509 certificates of a PEM file as roots.
pub fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| TlsError::Form {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    }
    Ok(store)
}

/// The private key of a PEM file.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| TlsError::Form {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn certified_key(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    CertifiedKey::from_der(certificates(certificate)?, private_key(key)?, &provider())
        .map(Arc::new)
        .map_err(|error| TlsError::Form {
            path: certificate.to_owned(),
            reason: error.to_string(),
        })
}

fn client_verifier(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider())
        .build()
        .map_err(|error| TlsError::Form {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

#[derive(Debug)]
struct ReloadedCertificate(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for ReloadedCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Asks the verifier that is in force now.
#[derive(Debug)]
struct ReloadedClientVerifier(ArcSwap<Arc<dyn ClientCertVerifier>>);

impl ClientCertVerifier for ReloadedClientVerifier {
    /// None: a client then sends the certificate that it has (RFC 8446 4.2.4), whatever roots are in force.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.load().verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.load().verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.load().verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.load().supported_verify_schemes()
    }
}
