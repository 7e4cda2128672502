use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Debian's nginx as a plain mutual-TLS proxy in front of the same provider, with its access log on.
pub struct Nginx {
    child: Child,
    pub address: SocketAddr,
    access_log: PathBuf,
}

/// The PEM files that it works with.
pub struct Files<'a> {
    pub authority: &'a Path,
    pub server_certificate: &'a Path,
    pub server_key: &'a Path,
    pub client_certificate: &'a Path,
    pub client_key: &'a Path,
}

impl Nginx {
    pub fn start(folder: &Path, files: &Files<'_>, provider: SocketAddr) -> Result<Self, String> {
        let address = free_port()?;
        let access_log = folder.join("access.log");
        let config = folder.join("nginx.conf");
        fs::write(&config, configuration(folder, files, provider, address)).map_err(|e| e.to_string())?;
        let child = Command::new("/usr/sbin/nginx")
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|e| format!("nginx does not start ({e}): install the Debian package nginx-light"))?;
        let nginx = Self {
            child,
            address,
            access_log,
        };
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > until {
                return Err("nginx does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// How many answers its access log holds.
    pub fn logged(&self) -> usize {
        fs::read(&self.access_log).map_or(0, |log| log.iter().filter(|byte| **byte == b'\n').count())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to, not when it is killed.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())
}

fn configuration(folder: &Path, files: &Files<'_>, provider: SocketAddr, address: SocketAddr) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    format!(
        "daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
{temporary}  access_log {folder}/access.log;
  keepalive_requests 100000000;
  upstream provider {{
    server {provider};
    keepalive 64;
    keepalive_requests 100000000;
  }}
  server {{
    listen {address} ssl backlog=1024;
    server_name localhost;
    ssl_protocols TLSv1.3;
    ssl_certificate {server_certificate};
    ssl_certificate_key {server_key};
    ssl_client_certificate {authority};
    ssl_verify_client on;
    location / {{
      proxy_pass https://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_ssl_protocols TLSv1.3;
      proxy_ssl_certificate {client_certificate};
      proxy_ssl_certificate_key {client_key};
      proxy_ssl_trusted_certificate {authority};
      proxy_ssl_verify on;
      proxy_ssl_name localhost;
    }}
  }}
}}
",
        folder = folder.display(),
        authority = files.authority.display(),
        server_certificate = files.server_certificate.display(),
        server_key = files.server_key.display(),
        client_certificate = files.client_certificate.display(),
        client_key = files.client_key.display(),
    )
}
