use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How long a test waits for bytes that must come, or for a close: not a measure, only an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// One TLS connection, on which a test writes what it likes.
pub struct Connection(TlsStream<TcpStream>);

impl Connection {
    /// Connects and shakes hands. With TLS 1.3 a server may refuse a client certificate after that.
    pub async fn open(address: SocketAddr, config: ClientConfig) -> std::io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        Ok(Self(stream))
    }

    /// The X.509 certificate that the server showed.
    pub fn server_certificate(&self) -> CertificateDer<'static> {
        self.0.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    pub async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// `GET`, and the status with the body of the answer.
    pub async fn get(&mut self, path: &str) -> std::io::Result<(u16, String)> {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())
            .await?;
        self.read_answer().await
    }

    /// Reads one answer: its status and its body, as long as its Content-Length says.
    pub async fn read_answer(&mut self) -> std::io::Result<(u16, String)> {
        let mut bytes = Vec::new();
        loop {
            if timeout(PATIENCE, self.0.read_buf(&mut bytes)).await?? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let text = String::from_utf8_lossy(&bytes);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Ok((status, body.to_owned()));
            }
        }
    }

    /// Waits until the server closes, and gives what it sent before.
    pub async fn read_to_close(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // However it closes: in order, by a reset, or with an alert.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut bytes))
            .await
            .expect("the server closes");
        bytes
    }
}
