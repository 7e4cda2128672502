//! `yinxin trust`: the signed list of whom to trust.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::{CommandError, verify::parse_time};
use crate::{
    formats::{
        checkpoint::{Signer, VerifierKey},
        trust_list::{Change, Entry, FORMAT, MAX_LIST_BYTES, Service, State, TrustList},
        x509::Certificate,
    },
    verification::words::plain,
};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Make the key that signs a list: KEY (mode 0600), and KEY.vkey to hand out
    Key {
        /// Whose list it will be: no spaces, no `+`
        #[arg(long)]
        name: String,
        #[arg(long, value_name = "KEY")]
        out: PathBuf,
    },
    /// Write a list, to be looked at and then signed
    Build(Build),
    /// Sign a list
    Sign {
        /// The list, as `build` wrote it
        list: PathBuf,
        /// The key that `key` made
        #[arg(long)]
        key: PathBuf,
        /// The name of the key
        #[arg(long)]
        name: String,
        #[arg(long)]
        out: PathBuf,
    },
    /// Show a list; with a key, only if it has signed it
    Show {
        list: PathBuf,
        /// The file with the key to check it with (.vkey)
        #[arg(long, value_name = "VKEY")]
        key: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a newer list in the place of the one in use; one that goes back is refused
    Update {
        /// The newer list
        list: PathBuf,
        /// The file with the key to check it with (.vkey)
        #[arg(long, value_name = "VKEY")]
        key: PathBuf,
        /// The list in use: `trust.list` of the configuration
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

#[derive(Args)]
struct Build {
    /// The list that this one follows: its services are kept, its sequence is counted on
    #[arg(long, value_name = "LIST")]
    from: Option<PathBuf>,
    /// Whose list it is; by default that of the list it follows
    #[arg(long)]
    name: Option<String>,
    /// An authority whose seals and signatures are trusted (PEM or DER); may be given several times
    #[arg(long = "seal", value_name = "FILE")]
    seals: Vec<PathBuf>,
    /// An authority whose timestamps are trusted
    #[arg(long = "timestamp", value_name = "FILE")]
    timestamps: Vec<PathBuf>,
    /// A responder whose OCSP responses are trusted
    #[arg(long = "ocsp", value_name = "FILE")]
    responders: Vec<PathBuf>,
    /// A service that is no longer trusted
    #[arg(long = "withdraw", value_name = "FILE")]
    withdrawn: Vec<PathBuf>,
    /// Since when those named here are granted or withdrawn; by default now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// When the next list comes at the latest, in days
    #[arg(long, default_value_t = 180)]
    days: u16,
    #[arg(long)]
    out: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    match arguments.act {
        Act::Key { name, out } => make_key(&name, &out)?,
        Act::Build(build) => {
            let list = build.list(Timestamp::now())?;
            write_new(&build.out, list.text()?.as_bytes(), 0o644)?;
            print!("{}", describe(&list));
        }
        Act::Sign { list, key, name, out } => {
            let list = TrustList::parse(&read(&list)?)?;
            let key = PrivatePkcs8KeyDer::from_pem_file(&key).map_err(|_| no_key(&key))?;
            let signer = Signer::from_pkcs8(&name, key.secret_pkcs8_der())?;
            write_new(&out, list.sign(&signer)?.as_bytes(), 0o644)?;
            println!("{}", signer.verifier_key());
        }
        Act::Show { list, key, json } => {
            let text = read(&list)?;
            let list = match &key {
                Some(key) => TrustList::open(&text, &verifier_key(key)?)?,
                None => {
                    eprintln!("yinxin: no key was given: whose list this is was not checked");
                    // What is signed comes first, whether or not a signature follows.
                    TrustList::parse(text.split("\n\n").next().unwrap_or_default())?
                }
            };
            if json {
                print!("{}", list.text()?);
            } else {
                print!("{}", describe(&list));
            }
        }
        Act::Update { list, key, to } => update(&list, &verifier_key(&key)?, &to)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make_key(name: &str, out: &Path) -> Result<(), CommandError> {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| "no randomness at hand")?;
    let signer = Signer::from_pkcs8(name, der.as_ref())?;
    let mut public = out.as_os_str().to_owned();
    public.push(".vkey");
    let public = PathBuf::from(public);
    let lines = Zeroizing::new(data_encoding::BASE64_MIME.encode(der.as_ref()));
    let body = Zeroizing::new(lines.replace("\r\n", "\n"));
    let pem = Zeroizing::new(format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        body.trim_end()
    ));
    write_new(out, pem.as_bytes(), 0o600)?;
    write_new(&public, format!("{}\n", signer.verifier_key()).as_bytes(), 0o644)?;
    println!("{}\n{}", out.display(), public.display());
    Ok(())
}

impl Build {
    fn list(&self, now: Timestamp) -> Result<TrustList, CommandError> {
        let since = self.since.unwrap_or(now);
        let former = match &self.from {
            None => None,
            Some(path) => Some(TrustList::parse(read(path)?.split("\n\n").next().unwrap_or_default())?),
        };
        let name = self.name.clone().or(former.as_ref().map(|former| former.name.clone()));
        let mut list = TrustList {
            format: FORMAT.to_owned(),
            name: name.ok_or("a first list needs a `--name`")?,
            sequence: former.as_ref().map_or(1, |former| former.sequence.saturating_add(1)),
            // Whole seconds read better.
            issued: Timestamp::from_second(now.as_second())?,
            next_update: Timestamp::from_second(now.as_second())?
                + SignedDuration::from_hours(24 * i64::from(self.days)),
            services: former.map(|former| former.services).unwrap_or_default(),
        };
        let granted = [
            (&self.seals, Service::Seal),
            (&self.timestamps, Service::Timestamp),
            (&self.responders, Service::Ocsp),
        ];
        for (paths, service) in granted {
            for path in paths {
                grant(&mut list, path, service, since)?;
            }
        }
        for path in &self.withdrawn {
            let (_, certificate) = certificate(path)?;
            let mut known = list
                .services
                .iter_mut()
                .filter(|entry| entry.certificate == certificate)
                .peekable();
            known
                .peek()
                .ok_or_else(|| format!("`{}` is not in the list", path.display()))?;
            for entry in known {
                change(entry, State::Withdrawn, since)?;
            }
        }
        // What is written is what can be read.
        Ok(TrustList::parse(&list.text()?)?)
    }
}

fn grant(list: &mut TrustList, path: &Path, service: Service, since: Timestamp) -> Result<(), CommandError> {
    let (name, certificate) = certificate(path)?;
    let known = list
        .services
        .iter_mut()
        .find(|entry| entry.certificate == certificate && entry.service == service);
    match known {
        Some(entry) => change(entry, State::Granted, since),
        None => {
            list.services.push(Entry {
                name,
                service,
                certificate,
                history: vec![Change {
                    status: State::Granted,
                    since,
                }],
            });
            Ok(())
        }
    }
}

fn change(entry: &mut Entry, status: State, since: Timestamp) -> Result<(), CommandError> {
    if let Some(last) = entry.history.last() {
        if last.status == status {
            return Ok(());
        }
        if last.since >= since {
            return Err(format!("`{}` was changed at {} or later", entry.name, last.since).into());
        }
    }
    entry.history.push(Change { status, since });
    Ok(())
}

/// The name and Base64 of an X.509 certificate in a file.
fn certificate(path: &Path) -> Result<(String, String), CommandError> {
    let bytes = fs::read(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let wrong = || format!("`{}` holds no X.509 certificate", path.display());
    let der = if bytes.starts_with(&[0x30]) {
        CertificateDer::from(bytes)
    } else {
        CertificateDer::from_pem_slice(&bytes).map_err(|_| wrong())?
    };
    let parsed = Certificate::parse(&der).map_err(|_| wrong())?;
    Ok((parsed.shown, BASE64.encode(&der)))
}

fn update(list: &Path, key: &VerifierKey, to: &Path) -> Result<(), CommandError> {
    let text = read(list)?;
    let offered = TrustList::open(&text, key)?;
    if to.try_exists()? {
        offered.check_follows(&TrustList::open(&read(to)?, key)?)?;
    }
    // Whoever reads it meanwhile reads the one or the other.
    let mut beside = to.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, to)?;
    print!("{}", describe(&offered));
    Ok(())
}

fn describe(list: &TrustList) -> String {
    let mut text = format!(
        "{}  #{}\n  issued {}  next update {}\n",
        plain(&list.name),
        list.sequence,
        list.issued,
        list.next_update
    );
    for entry in &list.services {
        let service = match entry.service {
            Service::Seal => "seal",
            Service::Timestamp => "timestamp",
            Service::Ocsp => "ocsp",
        };
        text += &format!("  {service}: {}\n", plain(&entry.name));
        for change in &entry.history {
            let status = match change.status {
                State::Granted => "granted",
                State::Withdrawn => "withdrawn",
            };
            text += &format!("    {status} since {}\n", change.since);
        }
    }
    text
}

fn read(path: &Path) -> Result<String, CommandError> {
    let size = fs::metadata(path)
        .map_err(|error| format!("`{}`: {error}", path.display()))?
        .len();
    if size > u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX) {
        return Err(format!("`{}` is longer than MAX_LIST_BYTES", path.display()).into());
    }
    Ok(fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?)
}

fn verifier_key(path: &Path) -> Result<VerifierKey, CommandError> {
    Ok(VerifierKey::parse(&read(path)?)?)
}

fn no_key(path: &Path) -> String {
    format!("`{}` holds no key in PKCS#8", path.display())
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CommandError> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(|error| format!("`{}`: {error}", path.display()))?;
    file.write_all(bytes)?;
    Ok(())
}
