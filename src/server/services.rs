//! The domain's services, wired: each handler asks for those it needs by type.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::web;
use ring::rand::{SecureRandom, SystemRandom};

use super::{
    StartError, long_term,
    seals::{electronic_seals, seals},
    secrets::{SecretError, Secrets},
};
use crate::{
    api::{Served, extract::clock_data},
    audit::Log,
    case::Cases,
    catalogue::Catalogue,
    certificate::{Fonts, Issuer, Parts, Press, Types, song_file},
    clock::SharedClock,
    config::{Config, Limits},
    department::{Accounts, Directory, Rates, ReplyStore, TokenKey},
    exchange::{
        Exchange,
        source::{Datasets, Sources},
    },
    formats::checkpoint::Signer,
    ids::PseudonymKey,
    pages::{self, Sessions},
    policy::Policy,
    storage::{Db, FILE_NAME, SqliteTables},
    verification::{Admission, Archive, Desk, Names, NamesOf, Retention, TrustPlaces, Verifier, drawing::Easel},
};

/// How long closing the store may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The newest trust list that was used, in the node's folder: an older one is refused.
const SEEN_LIST: &str = "trust-list.seen";

/// The program that runs, also when its file was replaced since.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Everything that handlers and pages can ask for.
#[derive(Clone)]
pub struct Services {
    pub clock: SharedClock,
    pub random: Arc<dyn SecureRandom + Send + Sync>,
    pub limits: Arc<Limits>,
    pub db: Arc<Db>,
    pub log: Arc<Log>,
    pub directory: Arc<Directory>,
    pub catalogue: Arc<Catalogue>,
    pub cases: Arc<Cases>,
    pub policy: Arc<Policy>,
    pub datasets: Arc<Datasets>,
    pub exchange: Arc<Exchange>,
    pub issuer: Arc<Issuer>,
    pub verifier: Arc<Verifier>,
    pub desk: Arc<Desk>,
    pub easel: Arc<Easel>,
    pub admission: Arc<Admission>,
    pub accounts: Arc<Accounts>,
    pub sessions: Arc<Sessions>,
    pub rates: Arc<Rates>,
    pub tokens: Arc<TokenKey>,
    pub pseudonyms: Arc<PseudonymKey>,
    pub page_settings: Arc<pages::Settings>,
    pub served: Arc<Served>,
    /// The state of the registry that is in memory.
    generation: Arc<AtomicU64>,
    trust_places: Arc<TrustPlaces>,
}

impl Services {
    /// Opens the store, the keys and everything that stands on them.
    pub async fn open(config: &Config, clock: SharedClock) -> Result<Self, StartError> {
        fs::create_dir_all(&config.node.data).map_err(|source| StartError::Folder {
            path: config.node.data.clone(),
            source,
        })?;
        let random: Arc<dyn SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
        let path = config.node.data.join(FILE_NAME);
        let secrets = Secrets::open(&config.keys.folder, &*random, path.exists())?;
        let db = Db::open(&path)
            .await
            .map_err(|source| StartError::Store { path, source })?;
        let db = Arc::new(db);
        let generation = db.generation().await.map_err(StartError::service("the database"))?;
        let directory = Directory::open(db.clone(), clock.clone())
            .await
            .map_err(StartError::service("the directory of departments"))?;
        let catalogue = Catalogue::open(db.clone(), clock.clone())
            .await
            .map_err(StartError::service("the catalogue"))?;
        let cases = Cases::open(db.clone(), clock.clone())
            .await
            .map_err(StartError::service("the registry of cases"))?;
        let signer = Signer::from_pkcs8(&config.node.name, &secrets.log)
            .map_err(StartError::service("the log's key (log.key)"))?;
        let vkey = config.keys.folder.join("log.vkey");
        let verifier_key = format!("{}\n", signer.verifier_key());
        // Written only where it is not there: the folder of the keys may be mounted read-only.
        if fs::read_to_string(&vkey).ok().as_ref() != Some(&verifier_key) {
            fs::write(&vkey, verifier_key).map_err(|source| SecretError::Io { path: vkey, source })?;
        }
        let log = Log::open(db.clone(), signer)
            .await
            .map_err(StartError::service("the audit log"))?;
        let log = Arc::new(log);
        let pseudonyms = Arc::new(secrets.pseudonym.clone());
        let datasets = Datasets::new(db.clone(), &secrets.dataset, pseudonyms.clone(), random.clone())
            .map_err(StartError::service("the key of datasets"))?;
        let datasets = Arc::new(datasets);
        let catalogue = Arc::new(catalogue);
        let cases = Arc::new(cases);
        let policy = match &config.policy.folder {
            Some(folder) => Policy::from_folder(folder),
            None => Policy::built_in(),
        };
        let policy = Arc::new(policy.map_err(StartError::service("the policies"))?);
        let exchange = Exchange::new(
            catalogue.clone(),
            cases.clone(),
            policy.clone(),
            log.clone(),
            pseudonyms.clone(),
            Sources::new(Arc::new(SqliteTables::new()), datasets.clone()),
        );
        let exchange = Arc::new(exchange);
        let directory = Arc::new(directory);
        let types = match &config.certificates.types {
            Some(folder) => Types::load(folder),
            None => Types::built_in(),
        };
        let types = types.map_err(StartError::service("the certificate types"))?;
        let seals = seals(config)?;
        let authority = long_term::authority(config, &clock, &random)?;
        let long_term = long_term::long_term(config, authority.as_ref(), &clock, &random)?;
        long_term::check_levels(&types, |issuer| seals.contains_key(issuer), long_term.highest())?;
        let issuer = Issuer::new(Parts {
            store: db.clone(),
            exchange: exchange.clone(),
            directory: directory.clone(),
            log: log.clone(),
            pseudonyms: pseudonyms.clone(),
            clock: clock.clone(),
            random: random.clone(),
            types,
            press: Arc::new(Press::new(
                Arc::new(Fonts::new(config.certificates.fonts.clone())),
                config.limits.documents_at_once,
            )),
            seals,
            long_term,
            electronic_seals: electronic_seals(config)?,
            portal: config.node.portal_url.clone(),
        });
        let trust_places = trust_places(config);
        let trust = trust_places
            .open(clock.now())
            .map_err(StartError::service("the trusted roots"))?;
        let issuer = Arc::new(issuer);
        let verifier = Verifier::new(trust).within(config.verification.limits());
        let desk = Desk::new(
            verifier.clone(),
            db.clone(),
            names(issuer.clone(), directory.clone()),
            Archive {
                store: db.clone(),
                random: random.clone(),
                issuer: issuer.clone(),
                department: config.verification.department.clone(),
                retention: Retention {
                    days: config.limits.report_days,
                    max_bytes: config.limits.reports_bytes,
                },
            },
            clock.clone(),
            config.limits.documents_at_once,
        );
        let accounts =
            Accounts::open(db.clone(), clock.clone()).map_err(StartError::service("the portal's accounts"))?;
        let tokens = TokenKey::new(&secrets.token, &config.node.name)
            .map_err(StartError::service("the key of tokens (token.key)"))?;
        Ok(Self {
            limits: Arc::new(config.limits.clone()),
            directory,
            issuer,
            exchange,
            verifier: Arc::new(verifier),
            desk: Arc::new(desk),
            easel: Arc::new(Easel::new(
                config
                    .verification
                    .program
                    .clone()
                    .unwrap_or_else(|| THIS_PROGRAM.into()),
                song_file(&config.certificates.fonts),
                config.limits.documents_at_once,
            )),
            admission: Arc::new(Admission::new(
                config.limits.verifications_per_minute,
                config.limits.document_bytes,
            )),
            accounts: Arc::new(accounts),
            sessions: Arc::new(Sessions::new(clock.clone())),
            rates: Arc::new(Rates::new()),
            tokens: Arc::new(tokens),
            served: Arc::new(Served(authority.filter(|_| config.timestamps.serve))),
            page_settings: Arc::new(pages::Settings {
                exchange_url: config.exchange.url(),
            }),
            log,
            datasets,
            catalogue,
            cases,
            policy,
            pseudonyms,
            generation: Arc::new(AtomicU64::new(generation)),
            trust_places: Arc::new(trust_places),
            clock,
            random,
            db,
        })
    }

    /// Hands every service to an app.
    pub fn provide(&self, app: &mut web::ServiceConfig) {
        app.app_data(clock_data(self.clock.clone()))
            .app_data(web::Data::from(self.random.clone()))
            .app_data(web::Data::from(self.limits.clone()))
            .app_data(web::Data::from(self.db.clone()))
            .app_data(web::Data::<dyn ReplyStore>::from(self.db.clone() as Arc<dyn ReplyStore>))
            .app_data(web::Data::from(self.directory.clone()))
            .app_data(web::Data::from(self.catalogue.clone()))
            .app_data(web::Data::from(self.cases.clone()))
            .app_data(web::Data::from(self.policy.clone()))
            .app_data(web::Data::from(self.log.clone()))
            .app_data(web::Data::from(self.datasets.clone()))
            .app_data(web::Data::from(self.exchange.clone()))
            .app_data(web::Data::from(self.issuer.clone()))
            .app_data(web::Data::from(self.verifier.clone()))
            .app_data(web::Data::from(self.desk.clone()))
            .app_data(web::Data::from(self.easel.clone()))
            .app_data(web::Data::from(self.admission.clone()))
            .app_data(web::Data::from(self.accounts.clone()))
            .app_data(web::Data::from(self.sessions.clone()))
            .app_data(web::Data::from(self.rates.clone()))
            .app_data(web::Data::from(self.tokens.clone()))
            .app_data(web::Data::from(self.page_settings.clone()))
            .app_data(web::Data::from(self.served.clone()))
            .app_data(web::Data::from(self.pseudonyms.clone()));
    }

    /// Reads the registry again if another process changed it.
    pub async fn follow_registry(&self) {
        let generation = match self.db.generation().await {
            Ok(generation) => generation,
            Err(error) => return tracing::warn!(%error, "the registry cannot be followed"),
        };
        if generation == self.generation.load(Ordering::Acquire) {
            return;
        }
        let (directory, catalogue, cases) =
            futures_util::future::join3(self.directory.reload(), self.catalogue.reload(), self.cases.reload()).await;
        if let Err(error) = directory {
            return tracing::warn!(%error, "departments cannot be read again");
        }
        if let Err(error) = catalogue {
            return tracing::warn!(%error, "the catalogue cannot be read again");
        }
        if let Err(error) = cases {
            return tracing::warn!(%error, "service items cannot be read again");
        }
        self.generation.store(generation, Ordering::Release);
        tracing::info!(generation, "the registry was read again");
    }

    /// Reads again whom documents may be trusted by. What cannot be read leaves in force what was read before.
    pub async fn follow_trust(&self) {
        let (places, now) = (self.trust_places.clone(), self.clock.now());
        match tokio::task::spawn_blocking(move || places.open(now)).await {
            Ok(Ok(trust)) => {
                if self.verifier.trust_anew(trust) {
                    let snapshot = self.verifier.trust_snapshot();
                    tracing::info!(snapshot = %snapshot.id, sequence = snapshot.sequence, "a new trust list is in force");
                }
            }
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the trust list cannot be read again; the old one stays in force");
            }
            Err(error) => tracing::error!(%error, "the trust list was not read again"),
        }
    }

    /// Signs the log's last checkpoint and closes the store. What was acknowledged is durable without it.
    pub async fn close(&self) {
        let closing = async {
            if let Err(error) = self.log.close().await {
                tracing::error!(%error, "the last entries get their places when the node starts again");
            }
            if let Err(error) = self.db.close().await {
                tracing::error!(%error, "the store cannot be closed");
            }
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::error!("the store was not closed in time");
        }
    }
}

fn trust_places(config: &Config) -> TrustPlaces {
    let trust = &config.trust;
    TrustPlaces {
        roots: Some(trust.roots.clone()),
        list: trust.list.clone().zip(trust.list_key.clone()),
        revocations: trust.revocations.clone(),
        seen: Some(config.node.data.join(SEEN_LIST)),
        policy: config.verification.revocation,
    }
}

/// A certificate's type and issuer, as people call them now.
fn names(issuer: Arc<Issuer>, directory: Arc<Directory>) -> NamesOf {
    Arc::new(move |certificate| Names {
        title: issuer.types().definition(&certificate.certificate_type).map_or_else(
            || certificate.certificate_type.to_string(),
            |definition| definition.form.title.clone(),
        ),
        issuer: directory
            .department(&certificate.issuer)
            .map_or_else(|| certificate.issuer.to_string(), |department| department.name.clone()),
    })
}
