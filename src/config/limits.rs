use serde::Deserialize;

/// Limits of the listeners. The header is limited by the HTTP library: 131,072 bytes and 96 fields.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest JSON or form body, in bytes. Default 65,536.
    pub json_body_bytes: usize,
    /// The largest document to verify, in bytes. Default 52,428,800 (50 MiB).
    pub document_bytes: usize,
    /// The largest dataset that a provider uploads, in bytes. Default 52,428,800 (50 MiB).
    pub dataset_bytes: usize,
    /// Open connections a listener. Default 4,096.
    pub connections: usize,
    /// TLS handshakes under way at once a listener. Default 256.
    pub handshakes: usize,
    /// How long a TLS handshake may take, in milliseconds. Default 5,000.
    pub handshake_ms: u64,
    /// How long the header of a request may take, in milliseconds. Default 5,000.
    pub header_ms: u64,
    /// How long the body of a request may take, in milliseconds. Default 60,000.
    pub body_ms: u64,
    /// How long a connection may be idle between requests, in seconds. Default 60.
    pub idle_s: u64,
    /// How long what has begun may take to finish at shutdown, in seconds. Default 30.
    pub shutdown_s: u64,
    /// Documents verified or laid out at once; more wait. Default 2.
    pub documents_at_once: usize,
    /// Verifications that one address may ask for in a minute on the portal. Default 120.
    pub verifications_per_minute: u32,
    /// How long the report on a verification is kept, in days; never the document. Default 30.
    pub report_days: u32,
    /// How much room kept reports may take, in bytes; beyond it the oldest go. Default 1,073,741,824 (1 GiB).
    pub reports_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_body_bytes: 65_536,
            document_bytes: 52_428_800,
            dataset_bytes: 52_428_800,
            connections: 4_096,
            handshakes: 256,
            handshake_ms: 5_000,
            header_ms: 5_000,
            body_ms: 60_000,
            idle_s: 60,
            shutdown_s: 30,
            documents_at_once: 2,
            verifications_per_minute: 120,
            report_days: 30,
            reports_bytes: 1_073_741_824,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), String> {
        let counts = [
            ("json_body_bytes", self.json_body_bytes),
            ("document_bytes", self.document_bytes),
            ("dataset_bytes", self.dataset_bytes),
            ("connections", self.connections),
            ("handshakes", self.handshakes),
            ("documents_at_once", self.documents_at_once),
        ];
        let times = [
            ("handshake_ms", self.handshake_ms),
            ("header_ms", self.header_ms),
            ("body_ms", self.body_ms),
            ("idle_s", self.idle_s),
            ("shutdown_s", self.shutdown_s),
            ("verifications_per_minute", u64::from(self.verifications_per_minute)),
            ("report_days", u64::from(self.report_days)),
            ("reports_bytes", self.reports_bytes),
        ];
        let counts = counts.map(|(name, value)| (name, value == 0));
        let times = times.map(|(name, value)| (name, value == 0));
        match counts.iter().chain(&times).find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(format!("`limits.{name}` must be more than 0")),
            None => Ok(()),
        }
    }
}
