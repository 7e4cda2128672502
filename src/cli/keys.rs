//! `yinxin keys`: keys and X.509 certificates for a node that has no authority at hand.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use ring::rand::SystemRandom;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, revocation_list::CertificateRevocationList};

use super::CommandError;
use crate::{
    certificate::{Fonts, SEAL_LEGEND, SealPicture},
    formats::ses::MAX_PICTURE_BYTES,
    keys::{
        authority::{Authority, AuthorityError, Issued, ROOT_CERTIFICATE, ROOT_DAYS, ROOT_KEY, Validity, write_public},
        sm2::{Sm2Authority, Sm2Identity, read_certificate},
    },
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
    /// A root with an SM2 key, for electronic seals (GB/T 38540): root.pem and root.key in a folder
    Sm2Authority {
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
    /// A certificate with an SM2 key: for a seal maker, or for one who signs with a seal
    Sm2 {
        #[command(flatten)]
        issue: Issue,
        /// The common name
        #[arg(long)]
        name: String,
        /// The department's name
        #[arg(long)]
        department: String,
    },
    /// An electronic seal (SESeal, GB/T 38540), signed by a seal maker
    #[command(name = "seal-make")]
    ElectronicSeal {
        /// The seal maker: MAKER.pem and MAKER.key
        #[arg(long)]
        maker: PathBuf,
        /// An X.509 certificate that may sign with the seal, in PEM; may be given several times
        #[arg(long = "signer", required = true)]
        signers: Vec<PathBuf>,
        /// The name on the seal
        #[arg(long)]
        name: String,
        /// The seal's identifier, in ASCII
        #[arg(long)]
        id: String,
        /// A picture of 42 mm (PNG, JPEG, SVG or OFD); without one a round seal is drawn
        #[arg(long, value_name = "FILE")]
        picture: Option<PathBuf>,
        /// Folders with the fonts that a seal is drawn with
        #[arg(long, value_name = "DIR", default_value = "/usr/share/fonts")]
        fonts: Vec<PathBuf>,
        /// Where to write
        #[arg(long)]
        out: PathBuf,
        /// How long it counts, in days
        #[arg(long, default_value_t = 365)]
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
        Make::Sm2Authority { dir, name, days } => {
            let (certificate, key) = (dir.join(ROOT_CERTIFICATE), dir.join(ROOT_KEY));
            not_there(&certificate)?;
            not_there(&key)?;
            let (_, root) = Sm2Authority::create(&name, Validity::days(now, days), &SystemRandom::new())?;
            std::fs::create_dir_all(&dir)?;
            root.save(&certificate, &key)?;
            println!("{}\n{}", certificate.display(), key.display());
        }
        Make::Sm2 {
            issue,
            name,
            department,
        } => {
            let (certificate, key) = (with_suffix(&issue.out, ".pem"), with_suffix(&issue.out, ".key"));
            not_there(&certificate)?;
            not_there(&key)?;
            let root = &issue.authority;
            let authority = Sm2Authority::open(&root.join(ROOT_CERTIFICATE), &root.join(ROOT_KEY))?;
            let validity = Validity::days(now, issue.days);
            let issued = authority.issue(&name, &department, validity, &SystemRandom::new())?;
            issued.save(&certificate, &key)?;
            println!("{}\n{}", certificate.display(), key.display());
        }
        Make::ElectronicSeal {
            maker,
            signers,
            name,
            id,
            picture,
            fonts,
            out,
            days,
        } => {
            not_there(&out)?;
            let maker = Sm2Identity::load(&with_suffix(&maker, ".pem"), &with_suffix(&maker, ".key"))?;
            let signers: Vec<_> = signers
                .iter()
                .map(|signer| read_certificate(signer))
                .collect::<Result<_, _>>()?;
            let picture = match picture {
                Some(file) => bounded(&file)?,
                None => {
                    let shelf = Fonts::new(fonts).shelf()?;
                    SealPicture::draw(&name, SEAL_LEGEND, &shelf)?.svg().into_bytes()
                }
            };
            let seal = maker.make_seal(&id, &name, &signers, &picture, Validity::days(now, days))?;
            std::fs::write(&out, seal)?;
            println!("{}", out.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A picture that a seal can hold.
fn bounded(file: &Path) -> Result<Vec<u8>, CommandError> {
    if std::fs::metadata(file)?.len() > u64::try_from(MAX_PICTURE_BYTES)? {
        return Err(format!("`{}` has more than {MAX_PICTURE_BYTES} bytes", file.display()).into());
    }
    Ok(std::fs::read(file)?)
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
