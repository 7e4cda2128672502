use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ring::rand::SystemRandom;
use yinxin::{
    certificate::SealOrder,
    config::Config,
    keys::{Identity, authority::Validity, x509::Sm2Authority},
};

use super::{Authority, Client, Credential, Folder, authority::SEAL_PASSWORD, county::SYSTEMS};

/// What a node needs before it starts, in a folder of its own: an authority, server and client certificates, seals, and
/// `node.toml` with every listener on a free port.
pub struct Site {
    pub authority: Authority,
    pub systems: Vec<(&'static str, Credential)>,
    pub folder: Folder,
}

const NODE_TOML: &str = r#"
[node]
data = "data"
[exchange]
listen = "127.0.0.1:0"
certificate = "server.pem"
key = "server.key"
client_roots = "root.pem"
[portal]
listen = "127.0.0.1:0"
certificate = "server.pem"
key = "server.key"
[monitoring]
listen = "127.0.0.1:0"
[keys]
folder = "keys"
[timestamps]
certificate = "timestamps.pem"
key = "timestamps.key"
serve = true
[revocation]
lists = ["root.crl"]
[trust]
roots = "trust"
[verification]
department = "shache-data"
[log]
level = "warn"
"#;

/// A root and a seal maker with SM2 keys.
struct ElectronicSeals(Sm2Authority);

impl ElectronicSeals {
    fn new() -> Self {
        Self(Sm2Authority::create("示例密码根", validity(), &SystemRandom::new()).unwrap())
    }

    /// Writes a seal, and one who may sign with it.
    fn make(&self, name: &str, department: &str, folder: &Path) {
        let identity = |file: &str| {
            let random = SystemRandom::new();
            let issued = self.0.seal(name, department, validity(), &random).unwrap();
            let file = |suffix: &str| folder.join(format!("{department}-{file}.{suffix}"));
            let (certificate, key) = (file("pem"), file("key"));
            issued
                .save_encrypted(&certificate, &key, SEAL_PASSWORD, &random)
                .unwrap();
            Identity::load(&certificate, &key, Some(SEAL_PASSWORD)).unwrap()
        };
        let (maker, signer) = (identity("maker"), identity("sm2"));
        let validity = validity();
        let order = SealOrder {
            id: "65312500000001",
            name,
            signers: &signer.chain,
            picture: b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 42 42\"/>",
            valid_from: validity.not_before,
            valid_until: validity.not_after,
        };
        let seal = order.make(&maker).unwrap();
        fs::write(folder.join(format!("{department}.esl")), seal).unwrap();
    }
}

fn validity() -> Validity {
    Validity::days(jiff::Timestamp::now(), 2)
}

impl Site {
    pub fn new() -> Self {
        let (folder, authority) = (Folder::new(), Authority::new("示例测试根"));
        let path = folder.path();
        folder.write("root.pem", authority.root_pem());
        folder.write("trust/root.pem", authority.root_pem());
        authority.server().save(path, "server");
        authority.client("node").save(path, "node-client");
        authority.timestamps().save(path, "timestamps");
        folder.write("root.crl", authority.revocation_list());
        let mut config = NODE_TOML.to_owned();
        let electronic = ElectronicSeals::new();
        folder.write("trust/sm2-root.pem", electronic.0.root_pem().unwrap());
        for department in ["shache-hr", "shache-gjj", "shache-data"] {
            let name = format!("seal-{department}");
            authority.seal("示例电子印章", department).save_encrypted(path, &name);
            config += &format!(
                "[[certificates.seals]]\ndepartment = \"{department}\"\ncertificate = \"{name}.pem\"\nkey = \"{name}.key\"\n\
                 password = \"file:seal.password\"\n"
            );
            if department != "shache-data" {
                electronic.make("示例电子印章", department, path);
                config += &format!(
                    "ofd = {{ seal = \"{department}.esl\", certificate = \"{department}-sm2.pem\", key = \
                     \"{department}-sm2.key\", password = \"file:seal.password\" }}\n"
                );
            }
        }
        folder.write("node.toml", config);
        Self {
            systems: SYSTEMS.map(|(id, _, _)| (id, authority.client(id))).into(),
            authority,
            folder,
        }
    }

    /// `node.toml`, for a node that is a process of its own.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("node.toml")
    }

    pub fn config(&self) -> Config {
        let mut config = Config::load(&self.config_file()).unwrap();
        config.verification.program = Some(env!("CARGO_BIN_EXE_yinxin").into());
        config
    }

    pub fn credential(&self, system: &str) -> &Credential {
        let found = self.systems.iter().find(|(id, _)| *id == system);
        &found.unwrap_or_else(|| panic!("no system `{system}`")).1
    }

    /// A caller of a listener of a node of this site.
    pub fn client(&self, listener: SocketAddr, credential: Option<&Credential>) -> Client {
        Client::new(
            &format!("https://localhost:{}", listener.port()),
            &self.authority,
            credential,
        )
    }
}
