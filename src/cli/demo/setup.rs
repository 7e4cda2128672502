//! The folder of the demo: keys, configuration, the county's files, the providers' data. What is there and still counts
//! is kept, so that a second run over the same folder is the same node.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::county;
use crate::{
    certificate::{Fonts, SEAL_LEGEND, SealOrder, SealPicture},
    cli::{CommandError, admin::credential},
    config::PasswordSource,
    ids::SystemId,
    keys::{
        Identity,
        authority::{
            Authority, AuthorityError, Issued, ROOT_CERTIFICATE, ROOT_DAYS, Validity, encrypt_pem, write_private,
            write_public,
        },
        encrypted,
        x509::Sm2Authority,
    },
    storage::demonstration,
};

/// The revocation list, in `trust/`.
const LIST: &str = "root.crl";

/// How long the demo's X.509 certificates count, in days.
const DAYS: u32 = 365;

/// How long the demo's revocation list is in force, in days. Each run, and each day of it, makes a new one.
const LIST_DAYS: u32 = 30;

/// What has less than this left is made again.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The ports of one demo, from its base on.
#[derive(Clone, Copy)]
pub struct Ports {
    pub exchange: u16,
    pub portal: u16,
    pub monitoring: u16,
    pub services: [u16; county::SERVICES.len()],
}

impl Ports {
    pub fn from_base(base: u16) -> Result<Self, CommandError> {
        let at = |offset: u16| {
            base.checked_add(offset)
                .filter(|_| base > 0)
                .ok_or("--port-base must be from 1 to 65531: five ports are used")
        };
        Ok(Self {
            exchange: at(0)?,
            portal: at(1)?,
            monitoring: at(2)?,
            services: [at(3)?, at(4)?],
        })
    }

    pub fn all(self) -> Vec<u16> {
        [self.exchange, self.portal, self.monitoring]
            .into_iter()
            .chain(self.services)
            .collect()
    }
}

/// Where things are in the folder.
#[derive(Clone)]
pub struct Place {
    pub dir: PathBuf,
    pub ports: Ports,
    /// Whether passwords were made in this run, so that accounts that are there must take them.
    pub new_passwords: bool,
}

impl Place {
    pub fn pki(&self, file: &str) -> PathBuf {
        self.dir.join("pki").join(file)
    }

    pub fn node_toml(&self) -> PathBuf {
        self.dir.join("node.toml")
    }

    pub fn exchange_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.exchange)
    }

    pub fn portal_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.portal)
    }
}

/// Makes the folder ready, or again ready.
pub async fn prepare(dir: &Path, ports: Ports, now: Timestamp) -> Result<Place, CommandError> {
    for folder in [
        "pki",
        "trust",
        "certificates",
        "accounts",
        "providers",
        "data",
        "county",
        "county/resources",
        "county/items",
        "county/data",
    ] {
        fs::create_dir_all(dir.join(folder)).map_err(|error| format!("`{}` cannot be made: {error}", dir.display()))?;
    }
    let mut place = Place {
        dir: fs::canonicalize(dir)?,
        ports,
        new_passwords: false,
    };
    keys(&place, now)?;
    place.new_passwords = accounts(&place)?;
    write_public(&place.node_toml(), node_toml(&place).as_bytes())?;
    declared(&place)?;
    for (file, table, csv) in county::DATABASES {
        demonstration::write_table(&place.dir.join("providers").join(file), table, csv).await?;
    }
    for (name, _, csv) in county::SERVICES {
        write_public(&place.dir.join(format!("providers/{name}.csv")), csv.as_bytes())?;
    }
    Ok(place)
}

fn keys(place: &Place, now: Timestamp) -> Result<(), CommandError> {
    let still_counts = |file: &str| {
        // Any system's name does: only the time is asked for.
        SystemId::parse("any")
            .ok()
            .and_then(|any| credential::read(&place.pki(file), &any).ok())
            .is_some_and(|credential| credential.not_after - RENEW_BEFORE > now)
    };
    let pki = place.dir.join("pki");
    let kept = still_counts(ROOT_CERTIFICATE)
        .then(|| Authority::open(&pki))
        .transpose()?;
    let is_new = kept.is_none();
    let authority = match kept {
        Some(authority) => authority,
        None => {
            let authority = Authority::create("莎车示例根 Yinxin demo root", Validity::days(now, ROOT_DAYS))?;
            authority.save(&pki)?;
            authority
        }
    };
    let validity = Validity::days(now, DAYS);
    let keep = |name: &str, issue: &dyn Fn() -> Result<Issued, AuthorityError>| -> Result<(), CommandError> {
        let (certificate, key) = (place.pki(&format!("{name}.pem")), place.pki(&format!("{name}.key")));
        if is_new || !key.is_file() || !still_counts(&format!("{name}.pem")) {
            issue()?.save(&certificate, &key)?;
        }
        Ok(())
    };
    keep("server", &|| authority.server(&[], validity))?;
    keep("provider", &|| authority.server(&[], validity))?;
    keep("node-client", &|| {
        authority.client("node", "莎车示例县共享节点", validity)
    })?;
    for (name, department) in county::SYSTEMS {
        keep(name, &|| authority.client(name, department, validity))?;
    }
    let password = seal_password(place)?;
    for (_, file, name, department) in county::SEALS {
        keep(file, &|| authority.seal(name, department, validity))?;
        put_under(&password, &place.pki(&format!("{file}.key")))?;
    }
    keep("timestamps", &|| {
        authority.timestamps("时间戳（示例）", "莎车示例县共享节点", validity)
    })?;
    write_public(&place.dir.join("trust/root.pem"), authority.root_pem().as_bytes())?;
    revocation_list(place, &authority, now)?;
    electronic_seals(place, is_new, validity, &password)
}

/// A key that is new, or of a folder from before such keys were under a password.
fn put_under(password: &str, path: &Path) -> Result<(), CommandError> {
    let pem = Zeroizing::new(fs::read(path)?);
    if !encrypted::is_encrypted(&pem) {
        let sealed = encrypt_pem(&pem, None, password, &SystemRandom::new())?;
        write_private(path, sealed.as_bytes())?;
    }
    Ok(())
}

/// Publishes the authority's revocation list anew; nothing of the demo is revoked.
fn revocation_list(place: &Place, authority: &Authority, now: Timestamp) -> Result<(), CommandError> {
    let list = authority.revocation_list(&[], Validity::days(now, LIST_DAYS))?;
    write_public(&place.dir.join("trust").join(LIST), list.as_bytes())?;
    Ok(())
}

/// A root and a seal maker with SM2 keys, and an electronic seal with its signer for each department that issues:
/// all anew where one of them is missing or the rest of the keys is new.
fn electronic_seals(place: &Place, is_new: bool, validity: Validity, password: &str) -> Result<(), CommandError> {
    let root = place.dir.join("trust/sm2-root.pem");
    let seal_of = |file: &str| place.pki(&format!("{file}.esl"));
    let whole = root.is_file() && county::SEALS.iter().all(|(_, file, ..)| seal_of(file).is_file());
    if whole && !is_new {
        put_under(password, &place.pki("seal-maker.key"))?;
        for (_, file, ..) in county::SEALS {
            put_under(password, &place.pki(&format!("{file}-sm2.key")))?;
        }
        return Ok(());
    }
    let random = SystemRandom::new();
    let authority = Sm2Authority::create("莎车示例国密根 Yinxin demo SM2 root", validity, &random)?;
    write_public(&root, authority.root_pem()?.as_bytes())?;
    let shelf = Fonts::new(crate::config::Certificates::default().fonts).shelf()?;
    let identity = |file: &str, name: &str, department: &str| -> Result<Identity, CommandError> {
        let issued = authority.seal(name, department, validity, &random)?;
        let (certificate, key) = (place.pki(&format!("{file}.pem")), place.pki(&format!("{file}.key")));
        issued.save_encrypted(&certificate, &key, password, &random)?;
        Ok(Identity::load(&certificate, &key, Some(password))?)
    };
    let maker = identity("seal-maker", "示例制章单位", "莎车示例县")?;
    for ((_, file, name, department), number) in county::SEALS.iter().zip(1..) {
        let signer = identity(&format!("{file}-sm2"), name, department)?;
        let picture = SealPicture::draw(department, SEAL_LEGEND, &shelf)?.png()?;
        let order = SealOrder {
            id: &format!("653125{number:08}"),
            name: department,
            signers: &signer.chain,
            picture: &picture,
            valid_from: validity.not_before,
            valid_until: validity.not_after,
        };
        write_public(&seal_of(file), &order.make(&maker)?)?;
    }
    Ok(())
}

/// Likewise, while the demo goes on serving.
pub fn renew_revocation_list(place: &Place, now: Timestamp) -> Result<(), CommandError> {
    revocation_list(place, &Authority::open(&place.dir.join("pki"))?, now)
}

/// What the seal keys are under: made once, 160 bits of chance.
fn seal_password(place: &Place) -> Result<Zeroizing<String>, CommandError> {
    let path = place.pki("seal.password");
    if !path.is_file() {
        let mut bytes = Zeroizing::new([0; 20]);
        SystemRandom::new()
            .fill(bytes.as_mut())
            .map_err(|_| "no random numbers can be had")?;
        write_private(&path, BASE32_NOPAD.encode(bytes.as_ref()).to_lowercase().as_bytes())?;
    }
    Ok(PasswordSource::File(path).read()?)
}

/// One account a role. Passwords are made once: 80 bits of chance, in letters that can be read out.
fn accounts(place: &Place) -> Result<bool, CommandError> {
    let random = SystemRandom::new();
    let mut made = false;
    let mut list = format!(
        "# 示例节点的门户账户 / Portal accounts of this demo\n# {}/sign-in\n\n",
        place.portal_url()
    );
    for account in county::ACCOUNTS {
        let path = place.dir.join(format!("accounts/{account}.password"));
        let password = match fs::read_to_string(&path) {
            Ok(password) => password,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = [0; 10];
                random.fill(&mut bytes).map_err(|_| "no random numbers can be had")?;
                let password = BASE32_NOPAD.encode(&bytes).to_lowercase();
                write_private(&path, password.as_bytes())?;
                made = true;
                password
            }
            Err(error) => return Err(format!("`{}` cannot be read: {error}", path.display()).into()),
        };
        writeln!(list, "{account:<12}{}", password.trim_end())?;
    }
    write_private(&place.dir.join("credentials.txt"), list.as_bytes())?;
    Ok(made)
}

/// The county's files, with the ports of this run in the place of those that are written.
fn declared(place: &Place) -> Result<(), CommandError> {
    for (name, content) in county::DECLARED {
        let mut content = (*content).to_owned();
        for ((_, written, _), port) in county::SERVICES.iter().zip(place.ports.services) {
            content = content.replace(
                &format!("https://127.0.0.1:{written}/"),
                &format!("https://127.0.0.1:{port}/"),
            );
        }
        write_public(&place.dir.join("county").join(name), content.as_bytes())?;
    }
    Ok(())
}

fn node_toml(place: &Place) -> String {
    let Ports {
        exchange,
        portal,
        monitoring,
        services: [first, second],
    } = place.ports;
    let seals: String = county::SEALS
        .iter()
        .map(|(department, file, ..)| {
            format!(
                "\n[[certificates.seals]]\ndepartment = \"{department}\"\ncertificate = \"pki/{file}.pem\"\nkey = \
                 \"pki/{file}.key\"\npassword = \"file:pki/seal.password\"\nofd = {{ seal = \"pki/{file}.esl\", \
                 certificate = \"pki/{file}-sm2.pem\", key = \"pki/{file}-sm2.key\", password = \
                 \"file:pki/seal.password\" }}\n"
            )
        })
        .collect();
    format!(
        r#"# Written by `yinxin demo`, and again by each run of it. Every option is explained in config/node.toml.
#
# `yinxin serve --config node.toml` starts this node again. Two resources (housing fund, household) come from services
# of their departments, which only `yinxin demo` starts (ports {first} and {second}): without them they answer 502.

[node]
name = "shache-example"
data = "data"
portal_url = "https://127.0.0.1:{portal}"

[exchange]
listen = "127.0.0.1:{exchange}"
certificate = "pki/server.pem"
key = "pki/server.key"
client_roots = "pki/root.pem"

[portal]
listen = "127.0.0.1:{portal}"
certificate = "pki/server.pem"
key = "pki/server.key"

[monitoring]
listen = "127.0.0.1:{monitoring}"

[keys]
folder = "keys"

# The node's own small timestamp authority, and the list of what the demo's authority has revoked. The list is in force
# for {LIST_DAYS} days: `yinxin demo` makes a new one.
[timestamps]
certificate = "pki/timestamps.pem"
key = "pki/timestamps.key"

[revocation]
lists = ["trust/{LIST}"]

[trust]
roots = "trust"

[verification]
department = "{reports}"
{seals}"#,
        reports = county::REPORTS,
    )
}
