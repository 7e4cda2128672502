use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Authority, Credential};

/// What the provider's service does with the next calls.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers `{"records": …}`, asked for or not; `$id` and `$name` stand for the subject's.
    Records(Value),
    /// Answers 200 with this body.
    Body(Vec<u8>),
    Status(u16),
    /// Does the other after so long.
    Late(Duration, Box<Behaviour>),
    /// Sends this many bytes of a body that would be right if it ended.
    Flood(usize),
    /// Reads the call and never answers.
    Silence,
    /// Says that more will come, and closes.
    CutOff,
    /// Answers with such records once a connection, and closes it: at once, or when the next call comes.
    OnceEach {
        records: Value,
        at_once: bool,
    },
}

/// A provider's own service: real mutual TLS, and it can misbehave.
pub struct Provider {
    pub address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

struct State {
    behaviour: Mutex<Behaviour>,
    calls: AtomicUsize,
    last_call: Mutex<Option<Value>>,
}

impl Provider {
    /// Serves on a free port of the loopback interface until dropped.
    pub async fn start(authority: &Authority, credential: &Credential, behaviour: Behaviour) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server_config(credential)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            behaviour: Mutex::new(behaviour),
            calls: AtomicUsize::new(0),
            last_call: Mutex::new(None),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), shared.clone());
                tokio::spawn(async move {
                    // A caller that breaks off is its own affair.
                    let _ = serve(&acceptor, stream, &state).await;
                });
            }
        });
        Self { address, state, task }
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// How many calls it has read.
    pub fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }

    /// The body of the last call.
    pub fn last_call(&self) -> Option<Value> {
        self.state.last_call.lock().unwrap().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(acceptor: &TlsAcceptor, stream: TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    let mut answered = false;
    while let Some(body) = read_call(&mut stream).await? {
        let call: Value = serde_json::from_slice(&body).unwrap_or_default();
        *state.last_call.lock().unwrap() = Some(call.clone());
        state.calls.fetch_add(1, Ordering::SeqCst);
        let mut behaviour = state.behaviour.lock().unwrap().clone();
        while let Behaviour::Late(delay, then) = behaviour {
            tokio::time::sleep(delay).await;
            behaviour = *then;
        }
        if answered && matches!(behaviour, Behaviour::OnceEach { .. }) {
            return stream.shutdown().await;
        }
        answered = true;
        let close = matches!(behaviour, Behaviour::OnceEach { at_once: true, .. });
        let (status, length, body) = match behaviour {
            Behaviour::Records(records) | Behaviour::OnceEach { records, .. } => {
                let text = |name: &str| call["subject"][name].as_str().unwrap_or_default().to_owned();
                let body = serde_json::json!({ "records": records }).to_string();
                let body = body
                    .replace("$id", &text("id"))
                    .replace("$name", &text("name"))
                    .into_bytes();
                (200, body.len(), body)
            }
            Behaviour::Body(body) => (200, body.len(), body),
            Behaviour::Status(status) => (status, 2, b"{}".to_vec()),
            Behaviour::Flood(bytes) => {
                let mut body = b"{\"records\":[{\"name\":\"".to_vec();
                body.resize(bytes.max(body.len()), b'x');
                (200, bytes + 100, body)
            }
            Behaviour::Silence => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                return Ok(());
            }
            Behaviour::Late(..) => unreachable!("awaited above"),
            Behaviour::CutOff => (200, 1_000, b"{\"records\":[".to_vec()),
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        let mut answer = head.into_bytes();
        answer.extend_from_slice(&body);
        stream.write_all(&answer).await?;
        stream.flush().await?;
        if close || length != body.len() {
            return stream.shutdown().await;
        }
    }
    Ok(())
}

/// Reads one call; none when the caller has closed the connection.
async fn read_call(stream: &mut BufReader<TlsStream<TcpStream>>) -> std::io::Result<Option<Vec<u8>>> {
    use tokio::io::AsyncBufReadExt;
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(body))
}
