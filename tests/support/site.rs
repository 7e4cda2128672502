use std::{net::SocketAddr, path::PathBuf};

use yinxin::config::Config;

use super::{Authority, Client, Credential, Folder, county::SYSTEMS};

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
        for department in ["shache-hr", "shache-gjj", "shache-data"] {
            let name = format!("seal-{department}");
            authority.seal("示例电子印章", department).save(path, &name);
            config += &format!(
                "[[certificates.seals]]\ndepartment = \"{department}\"\ncertificate = \"{name}.pem\"\nkey = \"{name}.key\"\n"
            );
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
