//! `yinxin keys`: keys and X.509 certificates for a node that has no authority at hand.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, revocation_list::CertificateRevocationList};

use super::CommandError;
use crate::keys::authority::{
    Authority, AuthorityError, Issued, ROOT_CERTIFICATE, ROOT_DAYS, ROOT_KEY, Validity, write_public,
};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    make: Make,
}

#[derive(Subcommand)]
enum Make {
    /// A root of one's own: root.pem and root.key in a folder
    Authority {
        /// The folder; made if it is not there
        #[arg(long)]
        dir: PathBuf,
        /// The root's common name
        #[arg(long)]
        name: String,
        /// How long it counts, in days
        #[arg(long, default_value_t = ROOT_DAYS)]
        days: u32,
    },
    /// A certificate for a TLS server, for localhost and the hosts given
    Server {
        #[command(flatten)]
        issue: Issue,
        /// A host name or address; may be given several times
        #[arg(long = "host")]
        hosts: Vec<String>,
    },
    /// A client certificate for a department's system
    Client {
        #[command(flatten)]
        issue: Issue,
        /// The system's id
        #[arg(long)]
        name: String,
        /// The department's name
        #[arg(long)]
        department: String,
    },
    /// A certificate for a node's own small timestamp authority
    Timestamps {
        #[command(flatten)]
        issue: Issue,
        /// The authority's name
        #[arg(long)]
        name: String,
        /// Whose it is
        #[arg(long)]
        department: String,
    },
    /// A list of what the authority has revoked: what is on the list that is there stays on it
    RevocationList {
        /// The folder of the authority
        #[arg(long)]
        authority: PathBuf,
        /// The list, PEM: written anew
        #[arg(long)]
        out: PathBuf,
        /// An X.509 certificate (PEM) to revoke now; may be given several times
        #[arg(long = "revoke", value_name = "CERTIFICATE")]
        revoke: Vec<PathBuf>,
        /// For how long it is in force, in days
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    /// A seal certificate for a department
    Seal {
        #[command(flatten)]
        issue: Issue,
        /// The seal's name
        #[arg(long)]
        name: String,
        /// The department's name
        #[arg(long)]
        department: String,
    },
}

#[derive(Args)]
struct Issue {
    /// The folder of the authority
    #[arg(long)]
    authority: PathBuf,
    /// Where to write: OUT.pem and, with mode 0600, OUT.key
    #[arg(long)]
    out: PathBuf,
    /// How long it counts, in days
    #[arg(long, default_value_t = 365)]
    days: u32,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let now = Timestamp::now();
    match arguments.make {
        Make::Authority { dir, name, days } => {
            // A root that is overwritten takes everything that it issued with it.
            not_there(&dir.join(ROOT_CERTIFICATE))?;
            not_there(&dir.join(ROOT_KEY))?;
            let authority = Authority::create(&name, Validity::days(now, days))?;
            std::fs::create_dir_all(&dir)?;
            authority.save(&dir)?;
            println!(
                "{}\n{}",
                dir.join(ROOT_CERTIFICATE).display(),
                dir.join(ROOT_KEY).display()
            );
        }
        Make::Server { issue, hosts } => {
            let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
            issue.write(|authority, validity| authority.server(&hosts, validity))?;
        }
        Make::Client {
            issue,
            name,
            department,
        } => issue.write(|authority, validity| authority.client(&name, &department, validity))?,
        Make::Timestamps {
            issue,
            name,
            department,
        } => issue.write(|authority, validity| authority.timestamps(&name, &department, validity))?,
        Make::RevocationList {
            authority,
            out,
            revoke,
            days,
        } => {
            let mut revoked = match std::fs::read(&out) {
                Ok(list) => revoked_in(&list)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            for path in revoke {
                let serial = serial_of(&path)?;
                if !revoked.iter().any(|(known, _)| *known == serial) {
                    revoked.push((serial, now));
                }
            }
            let list = Authority::open(&authority)?.revocation_list(&revoked, Validity::days(now, days))?;
            write_public(&out, list.as_bytes())?;
            println!("{} ({} revoked)", out.display(), revoked.len());
        }
        Make::Seal {
            issue,
            name,
            department,
        } => issue.write(|authority, validity| authority.seal(&name, &department, validity))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Issue {
    fn write(
        &self,
        make: impl FnOnce(&Authority, Validity) -> Result<Issued, AuthorityError>,
    ) -> Result<(), CommandError> {
        let (certificate, key) = (with_suffix(&self.out, ".pem"), with_suffix(&self.out, ".key"));
        not_there(&certificate)?;
        not_there(&key)?;
        let authority = Authority::open(&self.authority)?;
        let validity = Validity::days(Timestamp::now(), self.days);
        make(&authority, validity)?.save(&certificate, &key)?;
        println!("{}\n{}", certificate.display(), key.display());
        Ok(())
    }
}

fn serial_of(path: &Path) -> Result<Vec<u8>, CommandError> {
    let certificate = CertificateDer::from_pem_file(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let (_, parsed) = X509Certificate::from_der(&certificate)
        .map_err(|_| format!("`{}` holds no X.509 certificate", path.display()))?;
    Ok(parsed.raw_serial().to_vec())
}

/// Serial numbers on a list, each with the time of its revocation.
fn revoked_in(list: &[u8]) -> Result<Vec<(Vec<u8>, Timestamp)>, CommandError> {
    let form = "the list that is there cannot be read: move it away first";
    let der = CertificateRevocationListDer::from_pem_slice(list).map_err(|_| form)?;
    let (_, list) = CertificateRevocationList::from_der(&der).map_err(|_| form)?;
    list.iter_revoked_certificates()
        .map(|entry| {
            let since = Timestamp::from_second(entry.revocation_date.timestamp())?;
            Ok((entry.raw_serial().to_vec(), since))
        })
        .collect()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn not_there(path: &Path) -> Result<(), CommandError> {
    match path.try_exists()? {
        true => Err(format!("`{}` is there already: move it away first", path.display()).into()),
        false => Ok(()),
    }
}
