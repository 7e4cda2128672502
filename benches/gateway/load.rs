use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// One of every so many answers is parsed whole; the others must hold the same records, byte for byte.
const PARSED_WHOLE: u64 = 100;
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// What one connection sends, again and again, and what must come back.
#[derive(Clone)]
pub struct Script {
    pub request: Arc<[u8]>,
    /// Looks at a whole body and gives the text of its records, if they are the right ones.
    pub records: Arc<dyn Fn(&[u8]) -> Result<String, String> + Send + Sync>,
}

/// What one round measured. Times in microseconds, sorted.
#[derive(Default)]
pub struct Round {
    pub latencies_us: Vec<u32>,
    pub seconds: f64,
    /// Answers in all, those of the warm-up included.
    pub answers: u64,
}

impl Round {
    pub fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let count = self.latencies_us.len() as f64;
        count / self.seconds
    }

    /// The latency in milliseconds that `percent` of the answers kept.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let at = (self.latencies_us.len() * percent / 100).min(self.latencies_us.len().saturating_sub(1));
        f64::from(self.latencies_us.get(at).copied().unwrap_or_default()) / 1_000.0
    }
}

/// Drives `address` with one keep-alive connection a script: each sends, waits for the whole answer, and sends again.
pub async fn run(
    address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    scripts: &[Script],
    warm_up: Duration,
    measure: Duration,
) -> Result<Round, String> {
    let connector = TlsConnector::from(tls);
    // All shake hands first; time counts from when the last is ready.
    let mut streams = Vec::new();
    for _ in scripts {
        let tcp = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
        tcp.set_nodelay(true).map_err(|e| e.to_string())?;
        let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
        streams.push(
            connector
                .connect(name, tcp)
                .await
                .map_err(|e| format!("handshake: {e}"))?,
        );
    }
    let from = Instant::now() + warm_up;
    let until = from + measure;
    let tasks: Vec<_> = streams
        .into_iter()
        .zip(scripts.iter().cloned())
        .map(|(stream, script)| tokio::spawn(drive(stream, script, from, until)))
        .collect();
    let mut round = Round {
        seconds: measure.as_secs_f64(),
        ..Round::default()
    };
    for task in tasks {
        let (latencies, answers) = task.await.map_err(|e| e.to_string())??;
        round.latencies_us.extend(latencies);
        round.answers += answers;
    }
    round.latencies_us.sort_unstable();
    Ok(round)
}

async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: Script,
    from: Instant,
    until: Instant,
) -> Result<(Vec<u32>, u64), String> {
    let (mut latencies, mut answers, mut records) = (Vec::new(), 0, String::new());
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok((latencies, answers));
        }
        stream
            .write_all(&script.request)
            .await
            .map_err(|e| format!("sending: {e}"))?;
        stream.flush().await.map_err(|e| format!("sending: {e}"))?;
        let body_at = read_answer(&mut stream, &mut buffer).await?;
        let done = Instant::now();
        let body = buffer.get(body_at..).unwrap_or_default();
        if answers % PARSED_WHOLE == 0 {
            records = (script.records)(body)?;
        } else if find(body, records.as_bytes()).is_none() {
            return Err(format!("other records than before: {}", String::from_utf8_lossy(body)));
        }
        answers += 1;
        if sent >= from && done <= until {
            latencies.push(u32::try_from((done - sent).as_micros()).unwrap_or(u32::MAX));
        }
    }
}

/// Reads one answer into `buffer` and says where its body starts. It must be a 200 with a Content-Length.
pub async fn read_answer<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Result<usize, String> {
    buffer.clear();
    let mut whole = None;
    loop {
        if stream.read_buf(buffer).await.map_err(|e| format!("reading: {e}"))? == 0 {
            return Err("the connection was closed in the middle of an answer".to_owned());
        }
        if whole.is_none()
            && let Some(end) = find(buffer, b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            whole = Some((
                end + 4,
                end + 4 + length.ok_or_else(|| format!("no Content-Length: {head}"))?,
            ));
            if !head.starts_with("http/1.1 200") {
                // The problem document says why: read what there is of it.
                let _ = stream.read_buf(buffer).await;
                return Err(format!("not a 200: {}", String::from_utf8_lossy(buffer)));
            }
        }
        match whole {
            Some((body, end)) if buffer.len() == end => return Ok(body),
            Some((_, end)) if buffer.len() > end => return Err("more than one answer".to_owned()),
            _ if buffer.len() > MAX_ANSWER => return Err("the answer is too large".to_owned()),
            _ => {}
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
