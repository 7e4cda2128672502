//! The node's configuration: one small struct a concern. Every option has a default that works or is asked for by name;
//! `config/node.toml` lists them all, and a test keeps the two the same.

mod limits;
mod password;
mod sealing;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

pub use self::{
    limits::Limits,
    password::{PasswordError, PasswordSource},
    sealing::{Revocation, Timestamps, is_address},
};
use crate::{
    ids::DepartmentId,
    verification::{self, RevocationPolicy},
};

/// The whole of `node.toml`. Relative paths are relative to the file's folder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Config {
    pub node: Node,
    pub exchange: Exchange,
    pub portal: Portal,
    pub monitoring: Monitoring,
    pub keys: Keys,
    pub certificates: Certificates,
    pub timestamps: Timestamps,
    pub revocation: Revocation,
    pub trust: Trust,
    pub verification: Verification,
    pub policy: Policy,
    pub limits: Limits,
    pub log: Log,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// The node's name, in its tokens and in the checkpoints of its log: once there are entries it stays.
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`. Default `yinxin`.
    pub name: String,
    /// The folder that holds `yinxin.db` and `yinxin-search.db`. Default `data`.
    pub data: PathBuf,
    /// Where the public reaches the portal: printed in QR codes. Default `https://127.0.0.1:8444`.
    pub portal_url: String,
}

/// The listener for departments' systems: mutual TLS.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// Default `127.0.0.1:8443`.
    pub listen: SocketAddr,
    /// Where systems reach it, for the calls that pages show. Default: `https://` and `listen`.
    pub url: Option<String>,
    /// PEM: the server's X.509 certificate and its chain. Default `certs/exchange.pem`.
    pub certificate: PathBuf,
    /// PEM: its PKCS#8 key. Default `certs/exchange.key`.
    pub key: PathBuf,
    /// PEM: the roots that client certificates must chain to. Default `certs/client-roots.pem`.
    pub client_roots: PathBuf,
    /// Accept TLS 1.2 beside 1.3. Default false.
    pub tls_1_2: bool,
    /// Threads that serve it. Default: one a core.
    pub workers: Option<usize>,
}

/// The listener for browsers and the public.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Portal {
    /// Default `127.0.0.1:8444`.
    pub listen: SocketAddr,
    /// Default `certs/portal.pem`.
    pub certificate: PathBuf,
    /// Default `certs/portal.key`.
    pub key: PathBuf,
    /// Accept TLS 1.2 beside 1.3. Default false.
    pub tls_1_2: bool,
}

/// The plain listener for `/healthz`, `/readyz` and `/metrics`: loopback only.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Monitoring {
    /// Default `127.0.0.1:8445`.
    pub listen: SocketAddr,
}

/// Keys that the node makes for itself in this folder when they are not there: `token.key` and `log.key` (Ed25519,
/// PKCS#8), `log.vkey` (to check the log with), `data.key` (32 bytes: pseudonyms and uploaded datasets).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Default `keys`.
    pub folder: PathBuf,
}

/// E-certificates.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// A folder a type. Default: the types that are built in.
    pub types: Option<PathBuf>,
    /// Where fonts are looked for. Default `/usr/share/fonts` and `/usr/local/share/fonts`.
    pub fonts: Vec<PathBuf>,
    /// One a department that issues. Default: none.
    pub seals: Vec<Seal>,
}

/// The seal of a department: an X.509 certificate and its key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    pub department: DepartmentId,
    /// PEM: the seal's X.509 certificate and its chain.
    pub certificate: PathBuf,
    /// PEM: its PKCS#8 key under a password, readable by its owner only. This, or `pkcs11`.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Where the key's password comes from.
    #[serde(default)]
    pub password: Option<PasswordSource>,
    /// A key that stays in a token.
    #[serde(default)]
    pub pkcs11: Option<Pkcs11>,
    /// An electronic seal, with which its certificates are issued as OFD too. Default: none.
    pub ofd: Option<ElectronicSeal>,
}

/// A key in a PKCS#11 token.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// The token's library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The label of the key pair in the token.
    pub key: String,
    /// Where the PIN comes from.
    pub pin: PasswordSource,
}

/// An electronic seal (GB/T 38540) and one who may sign with it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElectronicSeal {
    /// DER: the SESeal, as a seal maker gives it.
    pub seal: PathBuf,
    /// PEM: the signer's X.509 certificate (SM2).
    pub certificate: PathBuf,
    /// PEM: its PKCS#8 key under a password, readable by its owner only.
    pub key: PathBuf,
    /// Where the key's password comes from.
    #[serde(default)]
    pub password: Option<PasswordSource>,
}

/// Whose signatures are trusted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// A folder of roots, PEM or DER. Default `trust`.
    pub roots: PathBuf,
    /// A signed list, made by `yinxin trust`. Default: none.
    pub list: Option<PathBuf>,
    /// The file with the key to check it with (`.vkey`). Goes with `list`.
    pub list_key: Option<PathBuf>,
    /// A folder of CRLs (`.crl`) and OCSP responses (`.ors`). Default: none.
    pub revocations: Option<PathBuf>,
}

/// The public verification of documents.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verification {
    /// The department in whose name printable reports are sealed: one of `certificates.seals`. Default: none, and no
    /// report is printed here.
    pub department: Option<DepartmentId>,
    /// `if_available`: what is known of revocation counts, and that nothing is known is said; `required`: only what is
    /// known not to have been revoked passes. Default `if_available`.
    pub revocation: RevocationPolicy,
    /// This program, which is started for each page that is drawn: not in the file, for tests that run a node in a
    /// process of their own. Default: what runs.
    #[serde(skip)]
    pub program: Option<PathBuf>,
    /// The largest PDF that is verified, in bytes. Default 52,428,800 (50 MiB), which is also the most.
    pub document_bytes: usize,
    /// How long one PDF is worked on, in milliseconds. Default 2,000.
    pub time_ms: u64,
    /// What is kept of one PDF in memory at a time, itself included, in bytes. Default 268,435,456 (256 MiB).
    pub memory_bytes: usize,
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            department: None,
            revocation: RevocationPolicy::default(),
            program: None,
            document_bytes: 52_428_800,
            time_ms: 2_000,
            memory_bytes: 268_435_456,
        }
    }
}

impl Verification {
    /// What one document may cost; beyond it, its verdict is INDETERMINATE.
    pub fn limits(&self) -> verification::Limits {
        verification::Limits {
            document_bytes: self.document_bytes,
            time: Duration::from_millis(self.time_ms),
            memory_bytes: self.memory_bytes,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A folder with `schema.cedarschema` and `guardrails.cedar`. Default: those that are built in.
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or a filter by module. Default `info`.
    pub level: String,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            name: "yinxin".to_owned(),
            data: "data".into(),
            portal_url: "https://127.0.0.1:8444".to_owned(),
        }
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            url: None,
            certificate: "certs/exchange.pem".into(),
            key: "certs/exchange.key".into(),
            client_roots: "certs/client-roots.pem".into(),
            tls_1_2: false,
            workers: None,
        }
    }
}

impl Default for Portal {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8444)),
            certificate: "certs/portal.pem".into(),
            key: "certs/portal.key".into(),
            tls_1_2: false,
        }
    }
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8445)),
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self { folder: "keys".into() }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self {
            types: None,
            fonts: vec!["/usr/share/fonts".into(), "/usr/local/share/fonts".into()],
            seals: Vec::new(),
        }
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            roots: "trust".into(),
            list: None,
            list_key: None,
            revocations: None,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
        }
    }
}

impl Exchange {
    /// Where systems reach it.
    pub fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("https://{}", self.listen))
    }
}

/// Why a configuration does not count.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("`{path}` cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}`: {message}")]
    Form { path: PathBuf, message: String },
}

impl Config {
    /// Reads `node.toml`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let form = |message: String| ConfigError::Form {
            path: path.to_owned(),
            message,
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| form(error.to_string()))?;
        config.check().map_err(form)?;
        config.resolve(path.parent().unwrap_or(Path::new(".")));
        Ok(config)
    }

    /// Rules that the form alone does not hold.
    fn check(&self) -> Result<(), String> {
        if !self.monitoring.listen.ip().is_loopback() {
            return Err("`monitoring.listen` must be a loopback address: it is plain HTTP".to_owned());
        }
        if !self.node.portal_url.starts_with("https://") || self.node.portal_url.ends_with('/') {
            return Err("`node.portal_url` must begin with https:// and end without a slash".to_owned());
        }
        let name = &self.node.name;
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        {
            return Err("`node.name` must hold 1 to 64 of A-Z a-z 0-9 . _ -".to_owned());
        }
        if !self.exchange.url().starts_with("https://") || self.exchange.url().ends_with('/') {
            return Err("`exchange.url` must begin with https:// and end without a slash".to_owned());
        }
        for seal in &self.certificates.seals {
            let department = &seal.department;
            match (&seal.key, &seal.password, &seal.pkcs11) {
                (Some(_), Some(_), None) | (None, None, Some(_)) => {}
                (Some(_), None, None) => {
                    return Err(format!(
                        "the seal of `{department}` needs `password` beside `key`: `file:PATH`, `env:NAME` or \
                         `credential:NAME`; `yinxin keys encrypt` puts a key under one"
                    ));
                }
                _ => {
                    return Err(format!(
                        "the seal of `{department}` needs either `key` and `password`, or `pkcs11`"
                    ));
                }
            }
            if seal.ofd.as_ref().is_some_and(|ofd| ofd.password.is_none()) {
                return Err(format!(
                    "the electronic seal of `{department}` needs `password` beside `key` in `ofd`: `file:PATH`, \
                     `env:NAME` or `credential:NAME`; `yinxin keys encrypt` puts a key under one"
                ));
            }
        }
        if let Some(department) = &self.verification.department
            && !self
                .certificates
                .seals
                .iter()
                .any(|seal| seal.department == *department)
        {
            return Err("`verification.department` must be one of `certificates.seals`".to_owned());
        }
        let verification = &self.verification;
        if verification.document_bytes == 0 || verification.time_ms == 0 || verification.memory_bytes == 0 {
            return Err("the limits in `verification` must be more than 0".to_owned());
        }
        if self.trust.list.is_some() != self.trust.list_key.is_some() {
            return Err("`trust.list` and `trust.list_key` go together".to_owned());
        }
        self.timestamps.check()?;
        self.revocation.check()?;
        self.limits.check()
    }

    /// Makes every relative path absolute to the folder of the file.
    fn resolve(&mut self, base: &Path) {
        let exchange = &mut self.exchange;
        let portal = &mut self.portal;
        let trust = &mut self.trust;
        let paths = [
            &mut self.node.data,
            &mut exchange.certificate,
            &mut exchange.key,
            &mut exchange.client_roots,
            &mut portal.certificate,
            &mut portal.key,
            &mut self.keys.folder,
            &mut trust.roots,
        ];
        for seal in &mut self.certificates.seals {
            let secrets = seal
                .password
                .iter_mut()
                .chain(seal.pkcs11.iter_mut().map(|token| &mut token.pin))
                .chain(seal.ofd.iter_mut().filter_map(|ofd| ofd.password.as_mut()));
            secrets.for_each(|source| source.resolve(base));
        }
        let seals = self.certificates.seals.iter_mut().flat_map(|seal| {
            let module = seal.pkcs11.iter_mut().map(|token| &mut token.module);
            let ofd = seal
                .ofd
                .iter_mut()
                .flat_map(|ofd| [&mut ofd.seal, &mut ofd.certificate, &mut ofd.key]);
            [&mut seal.certificate]
                .into_iter()
                .chain(seal.key.iter_mut())
                .chain(module)
                .chain(ofd)
        });
        let of_trust = [&mut trust.list, &mut trust.list_key, &mut trust.revocations];
        let optional = self.certificates.types.iter_mut().chain(self.policy.folder.iter_mut());
        let optional = optional.chain(of_trust.into_iter().flatten());
        for path in paths
            .into_iter()
            .chain(seals)
            .chain(optional)
            .chain(self.certificates.fonts.iter_mut())
            .chain(self.timestamps.paths())
        {
            *path = base.join(&*path);
        }
        self.revocation.resolve(base);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_example_says_what_the_defaults_are() {
        let text = include_str!("../../config/node.toml");
        let written: Config = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(written, Config::default());
    }

    #[test]
    fn an_unknown_option_and_a_public_monitoring_address_are_refused() {
        assert!(toml::from_str::<Config>("[exchange]\nlistn = \"127.0.0.1:1\"").is_err());
        let mut config = Config::default();
        config.monitoring.listen = SocketAddr::from(([0, 0, 0, 0], 8445));
        assert!(config.check().is_err());
    }
}
