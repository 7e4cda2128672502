use std::{fs, net::SocketAddr};

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sqlx::{Connection, SqliteConnection};
use yinxin::{
    case::ServiceItem,
    catalogue::{CatalogueStore as _, Grant, Resource},
    config::Config,
    department::{self, Department, Permission, System},
    ids::{DepartmentId, SystemId},
    server::Services,
};

use super::{
    Behaviour, Client, Credential, Folder, Node, Provider, Site,
    client::{send, with_json},
    people::{Person, person},
};

/// Resources of the county, by what stands behind them.
pub const SOCIAL_INSURANCE: &str = "653125-hr-social-insurance";
pub const HOUSING_FUND: &str = "653125-gjj-housing-fund";
pub const HOUSEHOLD: &str = "653125-ga-household";
pub const MARRIAGE: &str = "653125-mz-marriage";
pub const BUSINESS: &str = "653125-scjg-business";
/// The service items that need the first two.
pub const SOCIAL_INSURANCE_ITEM: &str = "shebao-canbao-dayin";
pub const HOUSING_FUND_ITEM: &str = "gongjijin-jiaocun-dayin";
/// The operator behind the calls of the window.
pub const OPERATOR: &str = "w-0001";

const DEPARTMENTS: &str = include_str!("../../config/demo/departments.toml");
const GRANTS: &str = include_str!("../../config/demo/grants.toml");
const RESOURCES: [&str; 5] = [
    include_str!("../../config/demo/resources/hr-social-insurance.toml"),
    include_str!("../../config/demo/resources/gjj-housing-fund.toml"),
    include_str!("../../config/demo/resources/ga-household.toml"),
    include_str!("../../config/demo/resources/mz-marriage.toml"),
    include_str!("../../config/demo/resources/scjg-business.toml"),
];
const ITEMS: [&str; 6] = [
    include_str!("../../config/items/shebao-canbao-dayin.toml"),
    include_str!("../../config/items/gongjijin-jiaocun-dayin.toml"),
    include_str!("../../config/items/huji-xinxi-heyan.toml"),
    include_str!("../../config/items/hunyin-dengji-heyan.toml"),
    include_str!("../../config/items/hunyin-guanxi-gongzheng.toml"),
    include_str!("../../config/items/qiye-dengji-heyan.toml"),
];
/// Systems: id, department, permissions.
pub(super) const SYSTEMS: [(&str, &str, &[Permission]); 8] = [
    ("hr", "shache-hr", &[Permission::Publish, Permission::Issue]),
    ("housing-fund", "shache-gjj", &[Permission::Publish, Permission::Issue]),
    ("marriage", "shache-mz", &[Permission::Publish]),
    (
        "window",
        "guangzhou-window",
        &[Permission::Case, Permission::Query, Permission::Issue],
    ),
    ("window-2", "guangzhou-window", &[Permission::Case, Permission::Query]),
    ("window-issue", "guangzhou-window", &[Permission::Issue]),
    ("notary", "shili-notary", &[Permission::Case, Permission::Query]),
    ("auditor", "shache-data", &[Permission::Audit]),
];
/// People whom the providers of the county know: `person(0)` to `person(KNOWN_PEOPLE - 1)`.
pub const KNOWN_PEOPLE: u16 = 64;

/// A small county on one node: departments, systems with their client certificates, a resource for each kind of source,
/// service items, grants, and a provider's service that can misbehave. All of it is gone when this is dropped.
pub struct County {
    pub node: Node,
    pub config: Config,
    pub provider: Provider,
    pub site: Site,
}

impl County {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with a configuration that differs from the usual one.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let site = Site::new();
        let provider = Provider::start(&site.authority, &site.authority.server(), housing_fund_records()).await;
        let mut config = site.config();
        change(&mut config);
        let node = Node::start(&config);
        site.declare(&node.services, provider.address).await;
        Self {
            node,
            config,
            provider,
            site,
        }
    }

    /// A caller of the exchange listener with the certificate of this system.
    pub fn client(&self, system: &str) -> Client {
        self.client_with(Some(self.site.credential(system)))
    }

    pub fn client_with(&self, credential: Option<&Credential>) -> Client {
        self.site.client(self.node.addresses.exchange, credential)
    }

    /// A caller of the portal listener.
    pub fn portal(&self) -> Client {
        self.site.client(self.node.addresses.portal, None)
    }

    /// A caller of the plain monitoring port.
    pub fn monitoring(&self) -> Client {
        let base = format!("http://{}", self.node.addresses.monitoring);
        Client::new(&base, &self.site.authority, None)
    }

    pub fn services(&self) -> &Services {
        &self.node.services
    }
}

impl Site {
    /// Puts departments, systems, service items, resources and grants into a node.
    pub async fn declare(&self, services: &Services, provider: SocketAddr) {
        write_tables(&self.folder).await;
        for department in list::<Department>(DEPARTMENTS, "department") {
            services.directory.put_department(&department).await.unwrap();
        }
        for (id, department, permissions) in SYSTEMS {
            let system = System {
                id: SystemId::parse(id).unwrap(),
                department: DepartmentId::parse(department).unwrap(),
                name: format!("示例系统 {id}"),
                permissions: permissions.to_vec(),
                requests_per_second: 1_000_000,
                disabled: false,
            };
            services.directory.put_system(&system).await.unwrap();
            self.bind(services, id, self.credential(id)).await;
        }
        for text in ITEMS {
            services
                .cases
                .put_item(&toml::from_str::<ServiceItem>(text).unwrap())
                .await
                .unwrap();
        }
        for text in RESOURCES {
            let resource = self.resource(services, text, provider);
            services.db.put_resource(&resource).await.unwrap();
        }
        services.catalogue.reload().await.unwrap();
        for grant in list::<Grant>(GRANTS, "grant") {
            services.catalogue.put_grant(&grant).await.unwrap();
        }
    }

    /// Binds a client certificate to a system.
    pub async fn bind(&self, services: &Services, system: &str, credential: &Credential) {
        let bound = department::Credential {
            thumbprint: credential.thumbprint(),
            system: SystemId::parse(system).unwrap(),
            subject: system.to_owned(),
            not_after: Timestamp::now() + SignedDuration::from_hours(24),
            revoked_at: None,
        };
        services.directory.put_credential(&bound).await.unwrap();
    }

    /// A resource of the demo county with the sources of this one.
    fn resource(&self, services: &Services, text: &str, http: SocketAddr) -> Resource {
        let mut declared: Map<String, Value> = toml::from_str(text).unwrap();
        for only_in_the_file in ["dataset", "subject_column"] {
            declared.remove(only_in_the_file);
        }
        let provider = DepartmentId::parse(declared["provider"].as_str().unwrap()).unwrap();
        let provider = services.directory.department(&provider).unwrap();
        declared.insert("provider_name".to_owned(), json!(provider.name));
        declared.insert("provider_credit_code".to_owned(), json!(provider.credit_code));
        declared.insert("status".to_owned(), json!("published"));
        declared.insert("updated_at".to_owned(), json!(Timestamp::now()));
        let file = |name: &str| json!(self.folder.path().join(name));
        let source = &mut declared["source"];
        match source["kind"].as_str().unwrap() {
            "http" => {
                source["url"] = json!(format!("https://localhost:{}/records", http.port()));
                source["roots"] = file("root.pem");
                source["certificate"] = file("node-client.pem");
                source["key"] = file("node-client.key");
                source["timeout_ms"] = json!(1_000);
            }
            "sql" => source["database"] = file("provider.sqlite"),
            _ => {}
        }
        serde_json::from_value(Value::Object(declared)).unwrap()
    }
}

/// What the provider of the housing fund sends: it does not ask which fields were asked for.
pub fn housing_fund_records() -> Behaviour {
    Behaviour::Records(json!([
        {
            "id_number": "$id", "name": "$name", "account_number": "0000653199000001", "employer": "莎车示例棉纺织有限公司",
            "status": "正常", "month": "2025-11", "base_amount": "5280.00", "personal_amount": "264.00",
            "employer_amount": "264.00", "balance": "528.00", "secret_of_the_provider": "leak"
        }
    ]))
}

/// The tables of the providers that keep their data in a database.
async fn write_tables(folder: &Folder) {
    let path = folder.path().join("provider.sqlite");
    fs::write(&path, []).unwrap();
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    for (table, csv) in [
        (
            "social_insurance",
            include_str!("../../config/demo/data/social-insurance.csv"),
        ),
        ("business", include_str!("../../config/demo/data/business.csv")),
    ] {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        let create = format!("CREATE TABLE {table} ({})", columns.join(" TEXT, ") + " TEXT");
        run(&mut database, &create, &[]).await;
        let mut all = rows.clone();
        if table == "social_insurance" {
            // Everybody whom the county knows has one month of what the worker has.
            for Person { number, name } in (0..KNOWN_PEOPLE).map(person) {
                let mut row = rows[0].clone();
                (row[0], row[1]) = (number, name);
                all.push(row);
            }
        }
        let marks: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
        let insert = format!("INSERT INTO {table} VALUES ({})", marks.join(", "));
        for row in &all {
            run(&mut database, &insert, row).await;
        }
    }
    database.close().await.unwrap();
}

async fn run(database: &mut SqliteConnection, statement: &str, values: &[String]) {
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()));
    for value in values {
        query = query.bind(value);
    }
    query.execute(database).await.unwrap();
}

/// The entries of a file that holds a list under one key.
fn list<T: DeserializeOwned>(text: &str, key: &str) -> Vec<T> {
    let mut file: Map<String, Value> = toml::from_str(text).unwrap();
    serde_json::from_value(file.remove(key).unwrap()).unwrap()
}

impl Client {
    /// Opens a case of this person and gives its id.
    pub async fn open_case(&self, item: &str, applicant: &Person) -> String {
        let body = json!({"item": item, "operator": OPERATOR, "applicant": applicant.subject()});
        let request = with_json(self.request(reqwest::Method::POST, "/v1/cases"), &body);
        let answer = send(request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string())).await;
        answer.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// A token for a case.
    pub async fn token(&self, case: &str) -> String {
        let answer = self.ask_token(case).await;
        answer.expect(200)["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn ask_token(&self, case: &str) -> super::Answer {
        let form = format!("grant_type=client_credentials&case={case}&operator={OPERATOR}");
        let request = self.request(reqwest::Method::POST, "/v1/token");
        send(
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form),
        )
        .await
    }

    /// Opens a case and gets a token for it.
    pub async fn purpose(&self, item: &str, applicant: &Person) -> String {
        self.token(&self.open_case(item, applicant).await).await
    }

    /// Asks for an e-certificate, under a new idempotency key.
    pub async fn issue(&self, token: &str, certificate_type: &str, case: &str, subject: &Person) -> super::Answer {
        let body = json!({"type": certificate_type, "case": case, "subject": subject.subject()});
        let request = with_json(self.request(reqwest::Method::POST, "/v1/certificates"), &body);
        send(
            request
                .bearer_auth(token)
                .header("Idempotency-Key", uuid::Uuid::new_v4().to_string()),
        )
        .await
    }

    /// Every entry of the audit log that this system may see, oldest first: what is acknowledged is found within a
    /// second, so one waits until the reading itself is in the list.
    pub async fn audit_entries(&self) -> Vec<Value> {
        let marker = self.get("/v1/audit/entries?limit=1").await;
        let marker = marker.header("x-request-id").to_owned();
        loop {
            let (mut entries, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = self
                    .get(&format!("/v1/audit/entries?limit=200{cursor}"))
                    .await
                    .expect(200);
                entries.extend(page["entries"].as_array().unwrap().iter().cloned());
                match page["next_cursor"].as_u64() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            if entries.iter().any(|entry| entry["request"] == marker.as_str()) {
                entries.reverse();
                return entries;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Queries fields of a person; none asks for all that are allowed.
    pub async fn query(&self, token: &str, resource: &str, subject: &Person, fields: &[&str]) -> super::Answer {
        let body = json!({"subject": subject.subject(), "fields": fields});
        self.post_with(token, &format!("/v1/resources/{resource}/query"), &body)
            .await
    }
}
