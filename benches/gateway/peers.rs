use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    load::Script,
    nginx::{Files, Nginx},
    support::{HOUSING_FUND, HOUSING_FUND_ITEM, KNOWN_PEOPLE, Node, NodeProcess, Person, Site, person},
};

/// What the window is granted of the housing fund (config/demo/grants.toml).
const FIELDS: [&str; 6] = ["id_number", "name", "employer", "status", "month", "balance"];
/// What the provider holds of one person.
const COLUMNS: &str =
    "id_number,name,account_number,employer,status,month,base_amount,personal_amount,employer_amount,balance";

/// The provider, the node and nginx in front of it, and what to send to each.
pub struct Peers {
    pub node: NodeProcess,
    pub nginx: Nginx,
    /// A query of each connection to the node: its own person, case and token.
    pub queries: Vec<Script>,
    /// The same person and fields as the provider is asked for them, to be proxied.
    pub proxied: Vec<Script>,
    _provider: ProviderProcess,
    site: Site,
}

impl Peers {
    pub async fn start(connections: u16) -> Result<Self, String> {
        let site = Site::new();
        let provider = ProviderProcess::start(&site)?;
        // Departments, systems, resources and grants are put in first, by a node that is stopped again.
        let node = Node::start(&site.config());
        site.declare(&node.services, provider.address).await;
        node.stop();
        let node = NodeProcess::start(&site.config_file());

        let folder = site.folder.path();
        let file = |name: &str| folder.join(name);
        let nginx_folder = folder.join("nginx");
        std::fs::create_dir_all(&nginx_folder).map_err(|e| e.to_string())?;
        let files = Files {
            authority: &file("root.pem"),
            server_certificate: &file("server.pem"),
            server_key: &file("server.key"),
            client_certificate: &file("node-client.pem"),
            client_key: &file("node-client.key"),
        };
        let nginx = Nginx::start(&nginx_folder, &files, provider.address)?;

        let window = site.client(node.addresses.exchange, Some(site.credential("window")));
        let people: Vec<Person> = (0..connections).map(|n| person(n % KNOWN_PEOPLE)).collect();
        let (mut queries, mut proxied) = (Vec::new(), Vec::new());
        for applicant in &people {
            let token = window.purpose(HOUSING_FUND_ITEM, applicant).await;
            let body = json!({"subject": applicant.subject(), "fields": FIELDS});
            let first = window.query(&token, HOUSING_FUND, applicant, &FIELDS).await.expect(200);
            let path = format!("/v1/resources/{HOUSING_FUND}/query");
            queries.push(script(&path, &token, &body, &first)?);

            let record: Value = FIELDS
                .iter()
                .map(|field| (*field, json!(cell(applicant, field))))
                .collect();
            proxied.push(script("/records", &token, &body, &json!({"records": [record]}))?);
        }
        Ok(Self {
            node,
            nginx,
            queries,
            proxied,
            _provider: provider,
            site,
        })
    }

    pub fn tls(&self) -> rustls::ClientConfig {
        self.site.authority.client_config(Some(self.site.credential("window")))
    }

    /// How many entries the audit log holds.
    pub async fn audit_entries(&self) -> Result<u64, String> {
        let auditor = self
            .site
            .client(self.node.addresses.exchange, Some(self.site.credential("auditor")));
        let newest = auditor.get("/v1/audit/entries?limit=1").await.expect(200);
        newest["entries"][0]["sequence"]
            .as_u64()
            .ok_or_else(|| format!("no sequence in {newest}"))
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    records: &'a RawValue,
}

/// A request, ready to be sent, and what each of its answers must hold.
fn script(path: &str, token: &str, body: &Value, expected: &Value) -> Result<Script, String> {
    let body = body.to_string();
    let mut request = String::new();
    write!(
        request,
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .map_err(|e| e.to_string())?;
    let records = expected["records"].clone();
    check_fields(&records)?;
    Ok(Script {
        request: request.into_bytes().into(),
        records: Arc::new(move |body| {
            let answer: Answer<'_> = serde_json::from_slice(body).map_err(|e| e.to_string())?;
            let found: Value = serde_json::from_str(answer.records.get()).map_err(|e| e.to_string())?;
            if found == records {
                Ok(answer.records.get().to_owned())
            } else {
                Err(format!("other records than expected: {found}"))
            }
        }),
    })
}

/// One record, with exactly the fields that were asked for.
fn check_fields(records: &Value) -> Result<(), String> {
    let wanted: BTreeSet<&str> = FIELDS.into();
    let found: Option<BTreeSet<&str>> = records[0]
        .as_object()
        .map(|record| record.keys().map(String::as_str).collect());
    if records.as_array().map(Vec::len) == Some(1) && found == Some(wanted) {
        Ok(())
    } else {
        Err(format!("not exactly the fields that were asked for: {records}"))
    }
}

/// What the provider holds in one column of a person's only row.
fn cell(person: &Person, column: &str) -> String {
    match column {
        "id_number" => person.number.clone(),
        "name" => person.name.clone(),
        "account_number" => "0000653199000001".to_owned(),
        "employer" => "莎车示例棉纺织有限公司".to_owned(),
        "status" => "正常".to_owned(),
        "month" => "2025-11".to_owned(),
        "balance" => "528.00".to_owned(),
        _ => "264.00".to_owned(),
    }
}

/// `yinxin demo-provider`: a department's own service, as a process.
struct ProviderProcess {
    child: Child,
    address: SocketAddr,
}

impl ProviderProcess {
    fn start(site: &Site) -> Result<Self, String> {
        let mut rows = format!("{COLUMNS}\n");
        for person in (0..KNOWN_PEOPLE).map(person) {
            let row: Vec<String> = COLUMNS.split(',').map(|column| cell(&person, column)).collect();
            rows += &format!("{}\n", row.join(","));
        }
        let data = site.folder.write("provider.csv", rows);
        let file = |name: &str| site.folder.path().join(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_yinxin"))
            .args(["demo-provider", "--until-stdin-ends", "--data"])
            .arg(data)
            .arg("--certificate")
            .arg(file("server.pem"))
            .arg("--key")
            .arg(file("server.key"))
            .arg("--client-root")
            .arg(file("root.pem"))
            .arg("--client")
            .arg(file("node-client.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut port = String::new();
        let out = child.stdout.take().ok_or("no output")?;
        BufReader::new(out).read_line(&mut port).map_err(|e| e.to_string())?;
        let port: u16 = port.trim().parse().map_err(|_| format!("the provider said `{port}`"))?;
        Ok(Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        })
    }
}

impl Drop for ProviderProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
