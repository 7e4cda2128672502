//! `yinxin demo-provider`: a department's own service, as the demo, the tests and the load benchmark need one: rows of
//! a CSV file by subject, over mutual TLS, for one client only.

use std::{
    collections::HashMap, io::Write, net::TcpListener, path::PathBuf, process::ExitCode, sync::Arc, time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Extensions, http::header::ContentType, rt, web};
use clap::{Args, ValueEnum};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;

use super::CommandError;

/// How long a slow provider takes: longer than any caller waits.
const SLOW: Duration = Duration::from_secs(30);

/// How much a provider sends that sends too much.
const TOO_MUCH_BYTES: usize = 32 * 1024 * 1024;

/// The largest request.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

#[derive(Args)]
pub struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one. The port is printed on the first line
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// CSV with a header: one row a record
    #[arg(long)]
    data: PathBuf,
    /// The column that holds the subject's number
    #[arg(long, default_value = "id_number")]
    subject_column: String,
    /// PEM: the server's X.509 certificate
    #[arg(long)]
    certificate: PathBuf,
    /// PEM: its key
    #[arg(long)]
    key: PathBuf,
    /// PEM: the root that the client's certificate must chain to
    #[arg(long)]
    client_root: PathBuf,
    /// PEM: the one client certificate that is served
    #[arg(long)]
    client: PathBuf,
    /// Threads; default: one a core
    #[arg(long)]
    workers: Option<usize>,
    /// End when standard input ends, so that a provider does not outlive who started it
    #[arg(long)]
    until_stdin_ends: bool,
    /// Break the agreement in this way
    #[arg(long)]
    misbehave: Option<Misbehaviour>,
}

/// What can be wrong with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Misbehaviour {
    /// Answers after 30 seconds.
    Slow,
    /// Answers 200 with something that is no JSON.
    Garbage,
    /// Answers with 32 MiB.
    TooMuch,
    /// Sends every column, asked for or not, and one that the catalogue does not know.
    ExtraFields,
    /// Answers 500.
    Fail,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let table = web::Data::new(Table::read(&arguments)?);
    let tls = tls(&arguments)?;
    let client = CertificateDer::from_pem_file(&arguments.client)?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.port))?;
    let port = listener.local_addr()?.port();
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(table.clone())
            .app_data(web::PayloadConfig::new(MAX_REQUEST_BYTES))
            .default_service(web::to(answer))
    })
    .on_connect(move |connection, data| greet(connection, data, &client))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(1);
    if let Some(workers) = arguments.workers {
        server = server.workers(workers);
    }
    rt::System::new().block_on(async move {
        let server = server.listen_rustls_0_23(listener, tls)?.run();
        let mut out = std::io::stdout();
        writeln!(out, "{port}")?;
        out.flush()?;
        if arguments.until_stdin_ends {
            std::thread::spawn(move || {
                // The pipe ends when the parent does, however it ends.
                let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                std::process::exit(0);
            });
        }
        server.await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Rows by subject. Every cell is kept as the JSON that it becomes, so that an answer is put together by copying.
struct Table {
    columns: Vec<String>,
    rows: HashMap<String, Vec<Vec<String>>>,
    misbehaviour: Option<Misbehaviour>,
}

impl Table {
    fn read(arguments: &Arguments) -> Result<Self, CommandError> {
        let mut reader = csv::Reader::from_path(&arguments.data)?;
        let columns: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        let subject = columns
            .iter()
            .position(|column| *column == arguments.subject_column)
            .ok_or_else(|| format!("no column has the name `{}`", arguments.subject_column))?;
        let mut rows: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        for record in reader.records() {
            let record = record?;
            let cells = columns
                .iter()
                .zip(&record)
                .map(|(column, value)| {
                    Ok(format!(
                        "{}:{}",
                        serde_json::to_string(column)?,
                        serde_json::to_string(value)?
                    ))
                })
                .collect::<Result<_, serde_json::Error>>()?;
            let key = record.get(subject).unwrap_or_default().to_owned();
            rows.entry(key).or_default().push(cells);
        }
        Ok(Self {
            columns,
            rows,
            misbehaviour: arguments.misbehave,
        })
    }

    /// `{"records": [...]}` with the fields asked for, or none when a field is not one of the columns.
    fn records(&self, subject: &str, fields: &[String]) -> Option<String> {
        let all = self.misbehaviour == Some(Misbehaviour::ExtraFields);
        let wanted: Vec<usize> = if all {
            (0..self.columns.len()).collect()
        } else {
            fields
                .iter()
                .map(|field| self.columns.iter().position(|column| column == field))
                .collect::<Option<_>>()?
        };
        let mut json = String::with_capacity(256);
        json.push_str("{\"records\":[");
        for (number, row) in self.rows.get(subject).into_iter().flatten().enumerate() {
            json.push_str(if number == 0 { "{" } else { ",{" });
            let cells = wanted.iter().filter_map(|index| row.get(*index));
            for (place, cell) in cells.enumerate() {
                if place > 0 {
                    json.push(',');
                }
                json.push_str(cell);
            }
            json.push_str(if all { ",\"nobody_asked\":\"示例\"}" } else { "}" });
        }
        json.push_str("]}");
        Some(json)
    }
}

#[derive(Deserialize)]
struct Query {
    subject: QuerySubject,
    fields: Vec<String>,
}

#[derive(Deserialize)]
struct QuerySubject {
    id: String,
}

/// Whether the connection is the node's.
#[derive(Clone, Copy)]
struct IsTheClient(bool);

fn greet(connection: &dyn std::any::Any, data: &mut Extensions, client: &CertificateDer<'_>) {
    let stream = connection.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<actix_web::rt::net::TcpStream>>();
    let shown = stream
        .and_then(|stream| stream.get_ref().1.peer_certificates())
        .and_then(<[_]>::first);
    data.insert(IsTheClient(shown == Some(client)));
}

async fn answer(request: HttpRequest, table: web::Data<Table>, body: web::Bytes) -> HttpResponse {
    if !request.conn_data::<IsTheClient>().is_some_and(|client| client.0) {
        return HttpResponse::Forbidden().finish();
    }
    match table.misbehaviour {
        Some(Misbehaviour::Slow) => rt::time::sleep(SLOW).await,
        Some(Misbehaviour::Fail) => return HttpResponse::InternalServerError().finish(),
        Some(Misbehaviour::Garbage) => {
            return HttpResponse::Ok()
                .content_type(ContentType::json())
                .body(&b"<html>\xff{\"records\""[..]);
        }
        Some(Misbehaviour::TooMuch) => {
            let mut json = "{\"records\":[".to_owned();
            let record = format!("{{\"name\":\"{}\"}},", "多".repeat(1_000));
            while json.len() < TOO_MUCH_BYTES {
                json.push_str(&record);
            }
            json.push_str("{}]}");
            return HttpResponse::Ok().content_type(ContentType::json()).body(json);
        }
        Some(Misbehaviour::ExtraFields) | None => {}
    }
    let Ok(query) = serde_json::from_slice::<Query>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    match table.records(&query.subject.id, &query.fields) {
        Some(json) => HttpResponse::Ok().content_type(ContentType::json()).body(json),
        None => HttpResponse::BadRequest().finish(),
    }
}

fn tls(arguments: &Arguments) -> Result<ServerConfig, CommandError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&arguments.client_root)?)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
    let chain = CertificateDer::pem_file_iter(&arguments.certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&arguments.key)?;
    Ok(ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?)
}
