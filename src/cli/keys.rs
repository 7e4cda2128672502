//! `yinxin keys`: keys and X.509 certificates for a node that has no authority at hand.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, revocation_list::CertificateRevocationList};
use zeroize::Zeroizing;

use super::CommandError;
use crate::{
    certificate::{Fonts, SEAL_LEGEND, SealOrder, SealPicture},
    config::PasswordSource,
    formats::ses::MAX_PICTURE_BYTES,
    keys::{
        Identity, KeyError, Modules, SigningKey, SoftwareKey,
        authority::{
            Authority, AuthorityError, Issued, ROOT_CERTIFICATE, ROOT_DAYS, ROOT_KEY, Validity, encrypt_pem,
            write_private, write_public,
        },
        encrypted, load_chain,
        x509::{AnyAuthority, Sm2Authority, request},
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
        /// What it and its seals sign with
        #[arg(long, value_enum, default_value_t)]
        algorithm: Kind,
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
    /// An electronic seal (SESeal, GB/T 38540), signed by a seal maker
    #[command(name = "seal-make")]
    ElectronicSeal {
        /// The seal maker: MAKER.pem and MAKER.key, of an SM2 authority
        #[arg(long)]
        maker: PathBuf,
        /// The password that the maker's key is under: file:PATH, env:NAME or credential:NAME
        #[arg(long)]
        password: PasswordSource,
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
    /// A seal certificate for a department, for one who signs with an electronic seal, or for a seal maker: with a key of
    /// the authority's own algorithm, which must be SM2 for electronic seals
    Seal {
        #[command(flatten)]
        issue: Issue,
        /// The seal's, signer's or seal maker's name
        #[arg(long)]
        name: String,
        /// The department's name
        #[arg(long)]
        department: String,
        /// What the key is put under: file:PATH, env:NAME or credential:NAME
        #[arg(long)]
        password: PasswordSource,
    },
    /// Put a key under a password, or under another one
    Encrypt {
        /// PKCS#8 in PEM; it is written again in its place
        #[arg(long)]
        key: PathBuf,
        /// The new password: file:PATH, env:NAME or credential:NAME
        #[arg(long)]
        password: PasswordSource,
        /// The password that it is under now, if it is
        #[arg(long)]
        old_password: Option<PasswordSource>,
    },
    /// Ask an authority for a seal certificate: makes OUT.key, unless a key is given, and OUT.csr (PKCS#10)
    Request {
        #[command(flatten)]
        key: KeyOptions,
        /// Where to write: OUT.csr and, for a new key, OUT.key
        #[arg(long)]
        out: PathBuf,
        /// The seal's name
        #[arg(long)]
        name: String,
        /// The department's name
        #[arg(long)]
        department: String,
        /// What a new key signs with
        #[arg(long, value_enum, default_value_t)]
        algorithm: Kind,
    },
    /// Take an authority's certificate and its key, and write them as a node reads them: OUT.pem and OUT.key
    Import {
        /// PEM: the X.509 certificate and its chain
        #[arg(long)]
        certificate: PathBuf,
        /// PKCS#8 in PEM
        #[arg(long)]
        key: PathBuf,
        /// The password that the key is under now, if it is
        #[arg(long)]
        old_password: Option<PasswordSource>,
        /// What the key is put under: file:PATH, env:NAME or credential:NAME
        #[arg(long)]
        password: PasswordSource,
        /// Where to write: OUT.pem and, with mode 0600, OUT.key
        #[arg(long)]
        out: PathBuf,
    },
    /// Show a key's algorithm and public key, and whether a certificate belongs to it
    Show {
        #[command(flatten)]
        key: KeyOptions,
        /// PEM: the X.509 certificate and its chain
        #[arg(long)]
        certificate: Option<PathBuf>,
    },
}

/// What a key signs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// ECDSA on P-256 with SHA-256
    #[default]
    P256,
    /// SM2 with SM3, which common PDF viewers do not know
    Sm2,
}

/// A key in a file, or in a token.
#[derive(Args)]
struct KeyOptions {
    /// PKCS#8 in PEM
    #[arg(long)]
    key: Option<PathBuf>,
    /// The password that the key is, or a new one will be, under: file:PATH, env:NAME or credential:NAME
    #[arg(long)]
    password: Option<PasswordSource>,
    /// The library of a PKCS#11 token
    #[arg(long, requires_all = ["token", "label", "pin"], conflicts_with = "key")]
    module: Option<PathBuf>,
    /// The token's label
    #[arg(long)]
    token: Option<String>,
    /// The key's label in the token
    #[arg(long)]
    label: Option<String>,
    /// The token's PIN: file:PATH, env:NAME or credential:NAME
    #[arg(long)]
    pin: Option<PasswordSource>,
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
        Make::Authority {
            dir,
            name,
            days,
            algorithm,
        } => {
            // A root that is overwritten takes everything that it issued with it.
            let (certificate, key) = (dir.join(ROOT_CERTIFICATE), dir.join(ROOT_KEY));
            not_there(&certificate)?;
            not_there(&key)?;
            std::fs::create_dir_all(&dir)?;
            let validity = Validity::days(now, days);
            match algorithm {
                Kind::P256 => Authority::create(&name, validity)?.save(&dir)?,
                Kind::Sm2 => Sm2Authority::create(&name, validity, &SystemRandom::new())?.save(&dir)?,
            }
            println!("{}\n{}", certificate.display(), key.display());
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
            let list = AnyAuthority::open(&authority)?.revocation_list(&revoked, Validity::days(now, days))?;
            write_public(&out, list.as_bytes())?;
            println!("{} ({} revoked)", out.display(), revoked.len());
        }
        Make::Seal {
            issue,
            name,
            department,
            password,
        } => issue.seal(&name, &department, &password)?,
        Make::ElectronicSeal {
            maker,
            password,
            signers,
            name,
            id,
            picture,
            fonts,
            out,
            days,
        } => {
            not_there(&out)?;
            let (certificate, key) = (with_suffix(&maker, ".pem"), with_suffix(&maker, ".key"));
            let maker = Identity::load(&certificate, &key, Some(&password.read()?))?;
            let mut listed = Vec::new();
            for signer in &signers {
                listed.push(load_chain(signer)?.into_iter().next().ok_or(KeyError::Chain)?);
            }
            let picture = match picture {
                Some(file) => bounded(&file)?,
                None => {
                    let shelf = Fonts::new(fonts).shelf()?;
                    SealPicture::draw(&name, SEAL_LEGEND, &shelf)?.png()?
                }
            };
            let validity = Validity::days(now, days);
            let order = SealOrder {
                id: &id,
                name: &name,
                signers: &listed,
                picture: &picture,
                valid_from: validity.not_before,
                valid_until: validity.not_after,
            };
            write_public(&out, &order.make(&maker)?)?;
            println!("{}", out.display());
        }
        Make::Encrypt {
            key,
            password,
            old_password,
        } => {
            let old = old_password.map(|source| source.read()).transpose()?;
            let pem = read_key(&key)?;
            let old = old.as_ref().map(|old| old.as_str());
            let sealed = encrypt_pem(&pem, old, &password.read()?, &SystemRandom::new())?;
            write_private(&key, sealed.as_bytes())?;
            println!("{}", key.display());
        }
        Make::Request {
            key,
            out,
            name,
            department,
            algorithm,
        } => {
            let request_file = with_suffix(&out, ".csr");
            not_there(&request_file)?;
            let key = match key.open()? {
                Some(key) => key,
                None => key.make(&with_suffix(&out, ".key"), algorithm)?,
            };
            write_public(&request_file, request(&*key, &name, &department)?.as_bytes())?;
            println!("{}", request_file.display());
        }
        Make::Import {
            certificate,
            key,
            old_password,
            password,
            out,
        } => import(&certificate, &key, (old_password, &password), &out)?,
        Make::Show { key, certificate } => {
            let key = key
                .open()?
                .ok_or("name a key: --key, or --module with --token, --label and --pin")?;
            println!("algorithm  {:?}", key.algorithm());
            let digest = ring::digest::digest(&ring::digest::SHA256, key.public_key());
            println!("spki       {}", data_encoding::HEXLOWER.encode(digest.as_ref()));
            if let Some(certificate) = certificate {
                let identity = Identity::new(key, load_chain(&certificate)?)?;
                for link in &identity.chain {
                    let (_, parsed) = x509_parser::parse_x509_certificate(link).map_err(|_| KeyError::Chain)?;
                    let validity = parsed.validity();
                    println!(
                        "chain      {} ({} to {})",
                        parsed.subject(),
                        validity.not_before,
                        validity.not_after
                    );
                }
            }
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

/// Checks that the certificate is the key's before anything is written.
fn import(
    certificate: &Path,
    key: &Path,
    (old, new): (Option<PasswordSource>, &PasswordSource),
    out: &Path,
) -> Result<(), CommandError> {
    let (certificate_out, key_out) = (with_suffix(out, ".pem"), with_suffix(out, ".key"));
    not_there(&certificate_out)?;
    not_there(&key_out)?;
    let pem = read_key(key)?;
    let old = old.map(|source| source.read()).transpose()?;
    let old = old.as_ref().map(|old| old.as_str());
    let software = SoftwareKey::from_pem(&pem, old)?;
    Identity::new(Box::new(software), load_chain(certificate)?)?;
    let sealed = encrypt_pem(&pem, old, &new.read()?, &SystemRandom::new())?;
    write_private(&key_out, sealed.as_bytes())?;
    write_public(&certificate_out, &std::fs::read(certificate)?)?;
    println!("{}\n{}", certificate_out.display(), key_out.display());
    Ok(())
}

fn read_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    Ok(Zeroizing::new(std::fs::read(path)?))
}

impl KeyOptions {
    /// The key that is named; none where none is.
    fn open(&self) -> Result<Option<Box<dyn SigningKey>>, CommandError> {
        if let (Some(module), Some(token), Some(label), Some(pin)) = (&self.module, &self.token, &self.label, &self.pin)
        {
            let key = Modules::default().key(module, token, label, &pin.read()?)?;
            return Ok(Some(Box::new(key)));
        }
        let Some(path) = &self.key else { return Ok(None) };
        let password = self.password.as_ref().map(PasswordSource::read).transpose()?;
        let key = SoftwareKey::from_pem(&read_key(path)?, password.as_ref().map(|password| password.as_str()))?;
        Ok(Some(Box::new(key)))
    }

    /// A new key under the password.
    fn make(&self, path: &Path, kind: Kind) -> Result<Box<dyn SigningKey>, CommandError> {
        not_there(path)?;
        let password = self
            .password
            .as_ref()
            .ok_or("name what the new key is put under: --password")?;
        let random = SystemRandom::new();
        let pkcs8 = match kind {
            Kind::P256 => SoftwareKey::generate_p256(&random)?,
            Kind::Sm2 => SoftwareKey::generate_sm2(&random)?,
        };
        write_private(path, encrypted::seal(&pkcs8, &password.read()?, &random)?.as_bytes())?;
        println!("{}", path.display());
        Ok(Box::new(SoftwareKey::from_pkcs8(&pkcs8)?))
    }
}

impl Issue {
    fn write(
        &self,
        make: impl FnOnce(&Authority, Validity) -> Result<Issued, AuthorityError>,
    ) -> Result<(), CommandError> {
        let (certificate, key) = self.places()?;
        let authority = Authority::open(&self.authority)?;
        let validity = Validity::days(Timestamp::now(), self.days);
        make(&authority, validity)?.save(&certificate, &key)?;
        println!("{}\n{}", certificate.display(), key.display());
        Ok(())
    }

    /// A seal with a key of the authority's own kind.
    fn seal(&self, name: &str, department: &str, password: &PasswordSource) -> Result<(), CommandError> {
        let (certificate, key) = self.places()?;
        let validity = Validity::days(Timestamp::now(), self.days);
        let random = SystemRandom::new();
        let issued = AnyAuthority::open(&self.authority)?.seal(name, department, validity, &random)?;
        issued.save_encrypted(&certificate, &key, &password.read()?, &random)?;
        println!("{}\n{}", certificate.display(), key.display());
        Ok(())
    }

    fn places(&self) -> Result<(PathBuf, PathBuf), CommandError> {
        let (certificate, key) = (with_suffix(&self.out, ".pem"), with_suffix(&self.out, ".key"));
        not_there(&certificate)?;
        not_there(&key)?;
        Ok((certificate, key))
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
