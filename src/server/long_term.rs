//! What seals above level B-B need, set up from the configuration.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ring::rand::SecureRandom;

use super::{StartError, fetcher::Fetcher};
use crate::{
    certificate::{
        Level, LongTerm, Place, RevocationLists, SharedAnchors, SharedFetch, TimestampSource, Timestamps, Types,
    },
    clock::SharedClock,
    config::{self, Config},
    ids::DepartmentId,
    keys::{Identity, TimestampAuthority},
    verification::Trust,
};

/// The node's own timestamp authority, where it has one.
pub fn authority(
    config: &Config,
    clock: &SharedClock,
    random: &Arc<dyn SecureRandom + Send + Sync>,
) -> Result<Option<Arc<TimestampAuthority>>, StartError> {
    let (Some(certificate), Some(key)) = (&config.timestamps.certificate, &config.timestamps.key) else {
        return Ok(None);
    };
    let what = "the node's timestamp authority";
    let identity = Identity::load_plain(certificate, key).map_err(StartError::service(what))?;
    let authority =
        TimestampAuthority::new(identity, clock.clone(), random.clone()).map_err(StartError::service(what))?;
    Ok(Some(Arc::new(authority)))
}

pub fn long_term(
    config: &Config,
    authority: Option<&Arc<TimestampAuthority>>,
    clock: &SharedClock,
    random: &Arc<dyn SecureRandom + Send + Sync>,
) -> Result<LongTerm, StartError> {
    let options = &config.timestamps;
    let source = match (&options.url, authority) {
        (Some(url), _) => Some(TimestampSource::Remote {
            fetch: fetcher("timestamps", options.tls_roots.as_deref(), options.timeout_ms)?,
            address: url.clone(),
            policy: options
                .policy
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error: const_oid::Error| StartError::service("`timestamps.policy`")(error))?,
        }),
        (None, Some(authority)) => Some(TimestampSource::Own(Arc::clone(authority))),
        (None, None) => None,
    };
    let load = |folder: &PathBuf| -> Result<SharedAnchors, StartError> {
        let roots = Trust::load(folder, clock.now());
        Ok(Arc::new(
            roots.map_err(StartError::service("the roots of seals and timestamps"))?,
        ))
    };
    let timestamps = source
        .map(|source| {
            Ok::<_, StartError>(Timestamps {
                source,
                roots: load(options.roots.as_ref().unwrap_or(&config.trust.roots))?,
                clock: clock.clone(),
                random: random.clone(),
            })
        })
        .transpose()?;
    Ok(LongTerm {
        timestamps,
        lists: lists(&config.revocation)?,
        roots: load(&config.trust.roots)?,
        clock: clock.clone(),
    })
}

fn lists(options: &config::Revocation) -> Result<Option<RevocationLists>, StartError> {
    if options.lists.is_empty() {
        return Ok(None);
    }
    let places = options.lists.iter().map(|list| match config::is_address(list) {
        true => Place::Address(list.clone()),
        false => Place::File(list.into()),
    });
    let fetch = fetcher("revocation lists", options.tls_roots.as_deref(), options.timeout_ms)?;
    let refresh = Duration::from_secs(options.refresh_s);
    Ok(Some(RevocationLists::new(places.collect(), fetch, refresh)))
}

fn fetcher(of: &str, tls_roots: Option<&Path>, timeout_ms: u64) -> Result<SharedFetch, StartError> {
    match Fetcher::new(tls_roots, Duration::from_millis(timeout_ms)) {
        Ok(fetcher) => Ok(Arc::new(fetcher)),
        Err(source) => Err(StartError::Service {
            what: "the client of authorities",
            source: format!("{of}: {source}").into(),
        }),
    }
}

/// No type may ask for more than the node gives: an operator hears of it now, not with the first certificate.
pub fn check_levels(types: &Types, has_seal: impl Fn(&DepartmentId) -> bool, highest: Level) -> Result<(), StartError> {
    let too_high = types
        .iter()
        .find(|definition| has_seal(&definition.form.issuer) && definition.form.level > highest);
    match too_high {
        None => Ok(()),
        Some(definition) => Err(StartError::Level {
            certificate_type: definition.name.clone(),
            level: definition.form.level.as_str(),
            highest: highest.as_str(),
        }),
    }
}
