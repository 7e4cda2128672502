//! A county that issues: the real store, policy and exchange, with a provider, a log and a key that can be watched.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use yinxin::{
    audit::{Action, AuditError, Entry},
    case::Cases,
    catalogue::{Catalogue, Grant, Resource, ResourceStatus, StoreFault},
    certificate::{
        Certificate, CertificateError, CertificateStore, Fonts, Issuer, LongTerm, Parts, Press, Request, Revocation,
        Types,
    },
    clock::{ManualClock, SharedClock},
    department::{Caller, Department, Directory, Permission, System},
    exchange::{
        Exchange, Recorder,
        source::{Datasets, Select, Sources, Tables},
    },
    ids::{
        CaseId, CertificateIdentifier, CertificateType, CreditCode, DepartmentId, ItemCode, OperatorId, PersonName,
        PseudonymKey, RequestId, SpkiThumbprint, Subject, SubjectId, SystemId,
    },
    keys::{Algorithm, Identity, KeyError, SigningKey},
    policy::Policy,
    storage::Db,
};

use crate::{
    levels::nothing,
    pki::{Leaf, Root},
};

pub const ID: &str = "653199199003070015";
pub const NAME: &str = "阿示例·甲";
const RESOURCE: &str = "653125-hr-social-insurance";
pub const NOW: &str = "2026-11-22T04:00:00Z";

/// The provider's table: as many months as the test wants, of whom it wants.
pub struct Table {
    pub months: AtomicUsize,
    pub name: Mutex<String>,
    pub asked: AtomicUsize,
}

impl Tables for Table {
    fn select<'a>(
        &'a self,
        select: Select<'a>,
    ) -> BoxFuture<'a, Result<Vec<serde_json::Map<String, Value>>, StoreFault>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let name = self.name.lock().unwrap().clone();
        // Newest first: the certificate orders by month itself.
        let rows = (0..self.months.load(Ordering::SeqCst)).rev().map(|place| {
            json!({
                "id_number": select.subject, "name": name, "insurance_number": "0000653199000001",
                "employer": "莎车示例棉纺织有限公司", "insurance_kind": "企业职工基本养老保险", "status": "参保缴费",
                "month": format!("{}-{:02}", 2024 + place / 12, place % 12 + 1),
                "base_amount": "5100.00", "personal_amount": "408.00", "employer_amount": "816.00",
                "bank_account": "nobody asked for this",
            })
            .as_object()
            .unwrap()
            .clone()
        });
        let rows = rows.collect();
        Box::pin(async { Ok(rows) })
    }
}

/// Keeps entries, or fails from some action on, as a full disk would.
#[derive(Default)]
pub struct Watched {
    pub entries: Mutex<Vec<Entry>>,
    pub fails_at: Mutex<Option<Action>>,
}

impl Recorder for Watched {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<u64, AuditError>> {
        Box::pin(async move {
            if *self.fails_at.lock().unwrap() == Some(entry.action) {
                return Err(AuditError::NotWritten);
            }
            let mut entries = self.entries.lock().unwrap();
            entries.push(entry);
            Ok(entries.len() as u64)
        })
    }
}

impl Watched {
    pub fn of(&self, action: Action) -> Vec<Entry> {
        self.entries
            .lock()
            .unwrap()
            .iter()
            .filter(|entry| entry.action == action)
            .cloned()
            .collect()
    }
}

/// A key that counts what it signs, and notes whether the intent was recorded by then.
pub struct CountingKey {
    inner: Box<dyn SigningKey>,
    log: Arc<Watched>,
    signed: Arc<Mutex<Vec<usize>>>,
}

impl SigningKey for CountingKey {
    fn algorithm(&self) -> Algorithm {
        self.inner.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.inner.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.signed.lock().unwrap().push(self.log.of(Action::Seal).len());
        self.inner.sign(message)
    }
}

/// The real store, but the process "crashes" before a document is kept.
pub struct Crashing {
    pub db: Arc<Db>,
    pub crashes: AtomicBool,
}

impl CertificateStore for Crashing {
    fn prepare<'a>(
        &'a self,
        certificate: &'a Certificate,
        idempotency_key: &'a str,
        request_sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<Option<(CertificateIdentifier, [u8; 32])>, StoreFault>> {
        self.db.prepare(certificate, idempotency_key, request_sha256)
    }

    fn by_idempotency_key<'a>(
        &'a self,
        system: &'a SystemId,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<(CertificateIdentifier, [u8; 32])>, StoreFault>> {
        self.db.by_idempotency_key(system, key)
    }

    fn deliver<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        document: &'a [u8],
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        if self.crashes.swap(false, Ordering::SeqCst) {
            return Box::pin(async { Err("power cut".into()) });
        }
        self.db.deliver(identifier, document, sha256)
    }

    fn deliver_ofd<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        ofd: &'a [u8],
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        self.db.deliver_ofd(identifier, ofd, sha256)
    }

    fn ofd<'a>(&'a self, identifier: &'a CertificateIdentifier) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>> {
        self.db.ofd(identifier)
    }

    fn certificate<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
    ) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>> {
        CertificateStore::certificate(&*self.db, identifier)
    }

    fn document<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>> {
        self.db.document(identifier)
    }

    fn by_document<'a>(&'a self, sha256: &'a [u8; 32]) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>> {
        self.db.by_document(sha256)
    }

    fn by_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>> {
        self.db.by_code(code)
    }

    fn revoke<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        revocation: &'a Revocation,
    ) -> BoxFuture<'a, Result<bool, StoreFault>> {
        CertificateStore::revoke(&*self.db, identifier, revocation)
    }

    fn next_serial<'a>(
        &'a self,
        issuer: &'a DepartmentId,
        certificate_type: &'a CertificateType,
    ) -> BoxFuture<'a, Result<u64, StoreFault>> {
        self.db.next_serial(issuer, certificate_type)
    }
}

/// A county with an issuing department, a window that handles cases, and a department that has nothing to do with it.
pub struct County {
    pub folder: PathBuf,
    pub clock: Arc<ManualClock>,
    pub log: Arc<Watched>,
    pub table: Arc<Table>,
    pub store: Arc<Crashing>,
    pub signed: Arc<Mutex<Vec<usize>>>,
    pub issuer: Issuer,
    pub window: Caller,
    pub hr: Caller,
    pub other: Caller,
    pub case: CaseId,
}

impl Drop for County {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn department(id: &str, name: &str, code: &str) -> Department {
    Department {
        id: DepartmentId::parse(id).unwrap(),
        name: name.to_owned(),
        name_en: String::new(),
        credit_code: CreditCode::parse(code).unwrap(),
        division: "653125".to_owned(),
    }
}

fn system(id: &str, department: &str, permissions: &[Permission]) -> System {
    System {
        id: SystemId::parse(id).unwrap(),
        department: DepartmentId::parse(department).unwrap(),
        name: id.to_owned(),
        permissions: permissions.to_vec(),
        requests_per_second: 1_000,
        disabled: false,
    }
}

pub fn subject(name: &str) -> Subject {
    Subject {
        id: SubjectId::parse("citizen_id", ID).unwrap(),
        name: PersonName::parse(name).unwrap(),
    }
}

fn resource() -> Resource {
    let item = |name: &str, kind: &str| json!({"name": name, "title": name, "type": kind, "sensitivity": "personal"});
    let text = [
        "id_number",
        "name",
        "insurance_number",
        "employer",
        "insurance_kind",
        "status",
        "bank_account",
    ];
    let items = text
        .map(|name| item(name, "text"))
        .into_iter()
        .chain([item("month", "month")])
        .chain(["base_amount", "personal_amount", "employer_amount"].map(|name| item(name, "amount")));
    serde_json::from_value(json!({
        "code": RESOURCE, "name": "社会保险个人参保缴费信息",
        "classification": {"class": "主题", "category": "社会保障", "section": "社会保险"},
        "provider": "shache-hr", "provider_name": "莎车县人力资源和社会保障局",
        "provider_credit_code": "11653125MB99990018", "summary": "逐月缴费明细", "format": "database",
        "items": items.collect::<Vec<_>>(),
        "sharing": {"kind": "conditional", "conditions": "依申请人本人办件", "mode": "query_and_verify"},
        "opening": {"open": false}, "update_cycle": "daily", "published_on": null, "status": "draft",
        "updated_at": NOW,
        "source": {"kind": "sql", "database": "provider.sqlite", "table": "t", "subject_column": "id_number"}
    }))
    .unwrap()
}

fn grant() -> Grant {
    serde_json::from_value(json!({
        "id": "g", "grantee": "window-dept", "resource": RESOURCE, "fields": [{"name": "status"}],
        "service_items": ["print"], "certificates": ["shebao-canbao"], "basis": "示例",
        "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2036-01-01T00:00:00Z"
    }))
    .unwrap()
}

/// The types that are shipped, sealed at this level.
fn types_at(level: &str, folder: &Path) -> Types {
    let (from, to) = (
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config/certificates"),
        folder.join("types"),
    );
    let type_folder = to.join("shebao-canbao");
    fs::create_dir_all(&type_folder).unwrap();
    fs::copy(from.join("frame.typ"), to.join("frame.typ")).unwrap();
    fs::copy(
        from.join("shebao-canbao/template.typ"),
        type_folder.join("template.typ"),
    )
    .unwrap();
    let form = fs::read_to_string(from.join("shebao-canbao/type.toml")).unwrap();
    let (before, after) = form.split_once("\nlevel = \"").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let form = format!("{before}\nlevel = \"{level}\"\n{after}");
    fs::write(type_folder.join("type.toml"), form).unwrap();
    Types::load(&to).unwrap()
}

impl County {
    pub async fn new(name: &str) -> Self {
        let root = Root::new("示例根");
        Self::sealing(name, "B-B", root.seal(&Leaf::default()), |clock| nothing(&root, clock)).await
    }

    /// Seals with this identity, at this level.
    pub async fn sealing(
        name: &str,
        level: &str,
        seal: Identity,
        long_term: impl FnOnce(&Arc<ManualClock>) -> LongTerm,
    ) -> Self {
        let folder = std::env::temp_dir().join(format!("yinxin-issuing-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let clock = ManualClock::at(NOW.parse().unwrap());
        let shared: SharedClock = clock.clone();
        let db = Arc::new(Db::open(&folder.join("node.sqlite")).await.unwrap());

        let directory = Arc::new(Directory::open(db.clone(), shared.clone()).await.unwrap());
        let catalogue = Arc::new(Catalogue::open(db.clone(), shared.clone()).await.unwrap());
        let cases = Arc::new(Cases::open(db.clone(), shared.clone()).await.unwrap());
        let mut callers = HashMap::new();
        for (place, (department, system)) in [
            (
                department("shache-hr", "莎车县人力资源和社会保障局", "11653125MB99990018"),
                system("hr", "shache-hr", &[Permission::Publish]),
            ),
            (
                department("window-dept", "示例市政务服务中心", "11653125MB9999002B"),
                system("window", "window-dept", &[Permission::Case, Permission::Issue]),
            ),
            (
                department("other", "示例公证处", "11000000MB9999001R"),
                system("notary", "other", &[Permission::Issue]),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            directory.put_department(&department).await.unwrap();
            directory.put_system(&system).await.unwrap();
            let caller = Caller {
                thumbprint: SpkiThumbprint([u8::try_from(place).unwrap(); 32]),
                system: Arc::new(system),
                department: Arc::new(department),
            };
            callers.insert(caller.system.id.as_str().to_owned(), caller);
        }
        let hr = DepartmentId::parse("shache-hr").unwrap();
        let created = catalogue.create(&hr, resource()).await.unwrap();
        catalogue
            .change_status(&hr, &created.code, ResourceStatus::Published)
            .await
            .unwrap();
        catalogue.put_grant(&grant()).await.unwrap();
        let fields: Vec<&str> = created.items.iter().map(|item| item.name.as_str()).collect();
        let item = serde_json::from_value(json!({
            "code": "print", "name": "社会保险参保证明打印", "certificates": ["shebao-canbao"],
            "needs": [{"resource": RESOURCE, "fields": fields}]
        }))
        .unwrap();
        cases.put_item(&item).await.unwrap();

        let pseudonyms = Arc::new(PseudonymKey::new(&[7; 32]));
        let window = callers.remove("window").unwrap();
        let case = cases
            .start(
                CaseId::fresh(),
                &ItemCode::parse("print").unwrap(),
                &window.department.id,
                &window.system.id,
                &OperatorId::parse("w-001").unwrap(),
                pseudonyms.pseudonym(&subject(NAME).id),
            )
            .await
            .unwrap();

        let log = Arc::new(Watched::default());
        let table = Arc::new(Table {
            months: AtomicUsize::new(3),
            name: Mutex::new(NAME.to_owned()),
            asked: AtomicUsize::new(0),
        });
        let random = Arc::new(SystemRandom::new());
        let datasets = Datasets::new(db.clone(), &[9; 32], pseudonyms.clone(), random.clone()).unwrap();
        let exchange = Exchange::new(
            catalogue,
            cases,
            Arc::new(Policy::built_in().unwrap()),
            log.clone(),
            pseudonyms.clone(),
            Sources::new(table.clone(), Arc::new(datasets)),
        );
        let signed = Arc::new(Mutex::new(Vec::new()));
        let seal = Identity::new(
            Box::new(CountingKey {
                inner: seal.key,
                log: log.clone(),
                signed: signed.clone(),
            }),
            seal.chain,
        )
        .unwrap();
        let store = Arc::new(Crashing {
            db,
            crashes: AtomicBool::new(false),
        });
        let issuer = Issuer::new(Parts {
            store: store.clone(),
            exchange: Arc::new(exchange),
            directory,
            log: log.clone(),
            pseudonyms,
            clock: shared,
            random,
            types: types_at(level, &folder),
            long_term: long_term(&clock),
            press: Arc::new(Press::new(Arc::new(Fonts::new(vec!["/usr/share/fonts".into()])), 1)),
            seals: HashMap::from([(hr, Arc::new(seal))]),
            electronic_seals: HashMap::new(),
            portal: "https://localhost:8444".to_owned(),
        });
        Self {
            folder,
            clock,
            log,
            table,
            store,
            signed,
            issuer,
            hr: callers.remove("hr").unwrap(),
            other: callers.remove("notary").unwrap(),
            case: case.id.clone(),
            window,
        }
    }

    pub async fn issue_as(&self, key: &str, name: &str) -> Result<Certificate, CertificateError> {
        self.issuer
            .issue(Request {
                id: &request_id(),
                caller: &self.window,
                operator: &OperatorId::parse("w-001").unwrap(),
                case: &self.case,
                certificate_type: &CertificateType::parse("shebao-canbao").unwrap(),
                subject: &subject(name),
                idempotency_key: key,
            })
            .await
    }

    pub async fn issue(&self, key: &str) -> Result<Certificate, CertificateError> {
        self.issue_as(key, NAME).await
    }

    pub fn signatures(&self) -> usize {
        self.signed.lock().unwrap().len()
    }
}

pub fn request_id() -> RequestId {
    RequestId::parse("r-1").unwrap()
}
