//! Whether a signer may be trusted, as of the time that its signature is proven to have existed: validation with time
//! and past signature validation (EN 319 102-1 5.5, 5.6.2).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    Period, RevocationPolicy,
    path::{Path, PathFault, Purpose},
    revocation::{Link, Sources, Standing, Statement},
    value::Weak,
};
use crate::{
    formats::x509::Certificate,
    verification::{RevocationReport, RevocationStatus, findings::Code, words::shown_time},
};

/// How long a CRL or response counts that does not say when the next one comes: newer ones may be had at any time.
const NO_NEXT_UPDATE: SignedDuration = SignedDuration::from_hours(24);

/// Whose signature, and when it was made.
pub struct Question {
    pub certificate: Arc<Certificate>,
    pub purpose: Purpose,
    /// The signature existed then: proven, or the time of verification.
    pub existed: Timestamp,
    /// It was made after that: what it covers holds a timestamp.
    pub made_after: Option<Timestamp>,
    /// Algorithms of its own that are no longer strong.
    pub weak: Vec<Weak>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Verdict {
    pub findings: Vec<(Code, String)>,
    pub trusted: bool,
    /// From the signer up.
    pub chain: Vec<Arc<Certificate>>,
    pub revocations: Vec<RevocationReport>,
}

impl Verdict {
    fn find(&mut self, code: Code, detail: impl Into<String>) {
        self.findings.push((code, detail.into()));
    }
}

impl Question {
    /// Judges the signer by what is at hand.
    pub fn judge(&self, sources: Sources<'_>) -> Verdict {
        self.judge_by(sources.pool.trust.policy(), sources)
    }

    /// Likewise, with another rule about revocation than that of the trust list.
    pub fn judge_by(&self, policy: RevocationPolicy, sources: Sources<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        let path = match sources.pool.path(&self.certificate, self.purpose, self.existed) {
            Ok(path) => path,
            Err(fault) => {
                verdict.find_fault(fault);
                return verdict;
            }
        };
        verdict.chain.clone_from(&path.certificates);
        let standings = self.standings(&path, sources);
        verdict.revocations = standings.iter().map(Statements::report).collect();
        let sound = self.judge_time(&mut verdict, &path, &standings, sources.at)
            && self.judge_anchor(&mut verdict, &path, sources)
            && self.judge_algorithms(&mut verdict, &path)
            && self.judge_revocation(&mut verdict, &path, standings, (policy, sources));
        verdict.trusted = sound;
        if sound && let Some(expired) = path.certificates.iter().find(|link| link.not_after < sources.at) {
            verdict.find(Code::SignerExpiredSince, shown_time(expired.not_after));
        }
        verdict
    }

    fn standings<'p>(&self, path: &'p Path, sources: Sources<'_>) -> Vec<Statements<'p>> {
        let of_link = |(certificate, issuer): (&'p Arc<Certificate>, &'p Arc<Certificate>)| Statements {
            certificate,
            all: sources.statements(Link {
                certificate,
                issuer,
                anchor: path.anchor,
            }),
            existed: self.existed,
        };
        path.links().map(of_link).collect()
    }

    /// Each X.509 certificate must have been valid when the signature existed.
    fn judge_time(&self, verdict: &mut Verdict, path: &Path, standings: &[Statements<'_>], at: Timestamp) -> bool {
        let own = &self.certificate;
        if self.made_after.is_some_and(|after| after > own.not_after) {
            verdict.find(Code::SignedAfterExpiry, shown_time(own.not_after));
            return false;
        }
        if path.is_within(self.existed) {
            return true;
        }
        if self.existed < own.not_before {
            // A signature that is proven to be older than its X.509 certificate was not made by its owner.
            let code = if self.existed < at {
                Code::SignedBeforeValidity
            } else {
                Code::SignerNotYetValid
            };
            verdict.find(code, shown_time(own.not_before));
        } else if path.certificates.iter().any(|link| self.existed < link.not_before) {
            verdict.find(Code::SignerNotYetValid, "");
        } else {
            let good = |statement: &Statement| statement.sound && statement.status == Standing::Good;
            let after_expiry = |statement: &&Statement| statement.this_update > own.not_after;
            let known_good = standings
                .first()
                .is_some_and(|standing| standing.all.iter().filter(after_expiry).any(good));
            verdict.find(
                if known_good {
                    Code::SignerExpiredNotRevoked
                } else {
                    Code::SignerExpired
                },
                "",
            );
        }
        false
    }

    fn judge_anchor(&self, verdict: &mut Verdict, path: &Path, sources: Sources<'_>) -> bool {
        let Some(periods) = sources.pool.trust.periods(path.anchor, self.purpose) else {
            return true;
        };
        if periods.iter().any(|period| period.holds(self.existed)) {
            return true;
        }
        let ended = periods.iter().filter_map(|period| period.until);
        match ended.filter(|end| *end <= self.existed).max() {
            Some(end) => verdict.find(Code::AuthorityWithdrawn, shown_time(end)),
            None => verdict.find(Code::Untrusted, ""),
        }
        false
    }

    fn judge_algorithms(&self, verdict: &mut Verdict, path: &Path) -> bool {
        // The root's own signature proves nothing and was not looked at.
        let mut weak = self
            .weak
            .iter()
            .chain(&path.weak)
            .filter(|weak| self.existed > weak.until);
        match weak.next() {
            Some(weak) => {
                verdict.find(Code::AlgorithmNoLongerStrong, &weak.name);
                false
            }
            None => true,
        }
    }

    /// Slides from the root down (EN 319 102-1 5.6.2.2): what an authority says counts as far as it existed before that
    /// authority was revoked itself.
    fn judge_revocation(
        &self,
        verdict: &mut Verdict,
        path: &Path,
        standings: Vec<Statements<'_>>,
        (policy, sources): (RevocationPolicy, Sources<'_>),
    ) -> bool {
        let mut control = sources.at;
        let is_past = !path.is_within(sources.at);
        let required = policy == RevocationPolicy::Required;
        let mut lacking = None;
        for (height, mut standing) in standings.into_iter().enumerate().rev() {
            let is_signer = height == 0;
            if control < sources.at {
                standing.all.retain(|statement| statement.exists <= control);
            }
            match standing.outcome(sources.at) {
                Outcome::Revoked(since) if since > self.existed => {
                    control = control.min(since);
                    verdict.find(Code::SignerRevokedSince, shown_time(since));
                }
                Outcome::Revoked(since) => {
                    let code = match (is_signer, self.made_after) {
                        (true, Some(after)) if after >= since => Code::SignedAfterRevocation,
                        (true, _) => Code::SignerRevoked,
                        (false, _) => Code::AuthorityRevoked,
                    };
                    verdict.find(code, shown_time(since));
                    return false;
                }
                Outcome::Hold => {
                    verdict.find(Code::SignerOnHold, "");
                    return false;
                }
                Outcome::Good => {}
                Outcome::Lacking(lack) => {
                    lacking = Some((lack, &standing.certificate.shown));
                    if required {
                        break;
                    }
                }
            }
        }
        let Some((lack, shown)) = lacking else { return true };
        let code = match (required, lack) {
            (false, Lack::Nothing) => Code::RevocationUnchecked,
            (false, _) => Code::RevocationStale,
            (true, Lack::Unproven) => Code::RevocationUnproven,
            (true, _) if is_past || control < sources.at => Code::PastRevocationMissing,
            (true, _) => Code::RevocationMissing,
        };
        verdict.find(code, shown);
        !required
    }
}

/// What is said of one X.509 certificate of a chain.
struct Statements<'p> {
    certificate: &'p Certificate,
    all: Vec<Statement>,
    existed: Timestamp,
}

enum Outcome {
    Good,
    Revoked(Timestamp),
    Hold,
    Lacking(Lack),
}

/// Why nothing can be said.
enum Lack {
    Nothing,
    /// It is older than what counts for the signature.
    Stale,
    /// Whoever said it can no longer be believed, and nothing proves that it was said before.
    Unproven,
}

impl Statements<'_> {
    fn outcome(&self, at: Timestamp) -> Outcome {
        let revoked = self.all.iter().filter_map(|statement| match statement.status {
            Standing::Revoked { since, .. } if since <= at => Some(since),
            _ => None,
        });
        if let Some(since) = revoked.min() {
            return Outcome::Revoked(since);
        }
        let newest = self.all.iter().max_by_key(|statement| statement.this_update);
        if let Some(Statement {
            status: Standing::Hold { since },
            ..
        }) = newest
            && *since <= self.existed
        {
            return Outcome::Hold;
        }
        if self
            .all
            .iter()
            .any(|statement| statement.sound && self.is_fresh(statement))
        {
            return Outcome::Good;
        }
        Outcome::Lacking(match () {
            () if self.all.is_empty() => Lack::Nothing,
            () if self.all.iter().any(|statement| self.is_fresh(statement)) => Lack::Unproven,
            () => Lack::Stale,
        })
    }

    /// EN 319 102-1 5.2.5: it was made after the signature existed, or was the newest there was then.
    fn is_fresh(&self, statement: &Statement) -> bool {
        let until = statement.next_update.unwrap_or_else(|| {
            let until = statement.this_update.checked_add(NO_NEXT_UPDATE);
            until.unwrap_or(Timestamp::MAX)
        });
        until >= self.existed
    }

    fn report(&self) -> RevocationReport {
        let worst = |statement: &&Statement| match statement.status {
            Standing::Good => (0, statement.this_update),
            Standing::Hold { .. } => (1, statement.this_update),
            Standing::Revoked { .. } => (2, statement.this_update),
        };
        let decisive = self.all.iter().max_by_key(worst);
        let (status, revoked_at, reason) = match decisive.map(|statement| statement.status) {
            None => (RevocationStatus::Unknown, None, None),
            Some(Standing::Good) => (RevocationStatus::Good, None, None),
            Some(Standing::Hold { since }) => (RevocationStatus::OnHold, Some(since), None),
            Some(Standing::Revoked { since, reason }) => (RevocationStatus::Revoked, Some(since), reason),
        };
        RevocationReport {
            certificate: self.certificate.shown.clone(),
            status,
            kind: decisive.map(|statement| if statement.is_response { "ocsp" } else { "crl" }.to_owned()),
            source: decisive.map(|statement| statement.source.name().to_owned()),
            this_update: decisive.map(|statement| statement.this_update),
            next_update: decisive.and_then(|statement| statement.next_update),
            revoked_at,
            reason: reason.map(|reason| reason.name().to_owned()),
        }
    }
}

impl Verdict {
    fn find_fault(&mut self, fault: PathFault) {
        match fault {
            PathFault::Unknown => self.find(Code::Untrusted, ""),
            PathFault::Usage => self.find(Code::KeyUsage, ""),
            PathFault::Purpose => self.find(Code::KeyPurpose, ""),
            PathFault::Limit(limit) => self.find(Code::LimitExceeded, limit),
            PathFault::Invalid(why) => self.find(Code::ChainWrong, why),
        }
    }
}

impl Period {
    fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}
