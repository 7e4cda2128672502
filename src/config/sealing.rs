use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Timestamps (RFC 3161), for seals at B-T and above: an authority's `url`, or a key of the node's own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timestamps {
    /// Where an authority answers, `https://` or `http://`: its answers are signed, and asked for by digest.
    pub url: Option<String>,
    /// PEM: the roots of the authority's TLS certificate, where the URL begins with `https`.
    pub tls_roots: Option<PathBuf>,
    /// Ask for tokens under this policy, and take no other. Default: whatever the authority gives.
    pub policy: Option<String>,
    /// A folder of roots that the authority's X.509 certificate must lead to. Default: `trust.roots`.
    pub roots: Option<PathBuf>,
    /// How long one call may take, in milliseconds; one that got no answer is repeated once. Default 5,000.
    pub timeout_ms: u64,
    /// PEM: the X.509 certificate of the node's own small authority, and its chain; in the place of `url`.
    pub certificate: Option<PathBuf>,
    /// PEM: its PKCS#8 key, readable by its owner only.
    pub key: Option<PathBuf>,
    /// Whether the own authority answers others too, on the portal: `POST /v1/timestamps`. Default false.
    pub serve: bool,
}

/// Revocation lists (RFC 5280), for seals at B-LT and above.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Revocation {
    /// Files, and addresses that begin with `https://` or `http://`: one for each authority in the chains of the seals
    /// and of the timestamp authority, at most 20. Default: none.
    pub lists: Vec<String>,
    /// PEM: the roots of TLS, for addresses that begin with `https`.
    pub tls_roots: Option<PathBuf>,
    /// How long one call may take, in milliseconds. Default 5,000.
    pub timeout_ms: u64,
    /// After how long a list is fetched again, in seconds. A file is read again when it changed. Default 3,600.
    pub refresh_s: u64,
}

impl Default for Timestamps {
    fn default() -> Self {
        Self {
            url: None,
            tls_roots: None,
            policy: None,
            roots: None,
            timeout_ms: 5_000,
            certificate: None,
            key: None,
            serve: false,
        }
    }
}

impl Default for Revocation {
    fn default() -> Self {
        Self {
            lists: Vec::new(),
            tls_roots: None,
            timeout_ms: 5_000,
            refresh_s: 3_600,
        }
    }
}

/// Whether it is an address and not a file.
pub fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// The most revocation lists.
const MAX_LISTS: usize = 20;

impl Timestamps {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.certificate.is_some() != self.key.is_some() {
            return Err("`timestamps.certificate` and `timestamps.key` go together".to_owned());
        }
        if self.url.is_some() && self.key.is_some() {
            return Err("`timestamps` has a `url` and a `key` of its own: it needs one of them".to_owned());
        }
        if self.url.as_deref().is_some_and(|url| !is_address(url)) {
            return Err("`timestamps.url` must begin with https:// or http://".to_owned());
        }
        if self.serve && self.key.is_none() {
            return Err("`timestamps.serve` needs a `certificate` and a `key`".to_owned());
        }
        in_range("timestamps.timeout_ms", self.timeout_ms, 100, 60_000)
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [
            &mut self.tls_roots,
            &mut self.roots,
            &mut self.certificate,
            &mut self.key,
        ]
        .into_iter()
        .flatten()
    }
}

impl Revocation {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.lists.len() > MAX_LISTS {
            return Err(format!("`revocation.lists` holds more than {MAX_LISTS}"));
        }
        in_range("revocation.timeout_ms", self.timeout_ms, 100, 60_000)?;
        in_range("revocation.refresh_s", self.refresh_s, 1, 86_400)
    }

    pub(super) fn resolve(&mut self, base: &Path) {
        for list in self.lists.iter_mut().filter(|list| !is_address(list)) {
            *list = base.join(&*list).display().to_string();
        }
        if let Some(roots) = &mut self.tls_roots {
            *roots = base.join(&*roots);
        }
    }
}

fn in_range(name: &str, value: u64, least: u64, most: u64) -> Result<(), String> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("`{name}` must be {least} to {most}"))
    }
}
