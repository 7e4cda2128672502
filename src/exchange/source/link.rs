//! Connections to a provider's service: HTTP/1.1 over mutual TLS, no proxy, no redirects, no cookies. What is sent goes
//! to the provider and nowhere else.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Uri,
    body::Body as _,
    client::conn::http1::{Builder, Connection, SendRequest},
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::SourceError;
use crate::catalogue::StoreFault;

/// How long a connection may take to open, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long one address of a provider's has before the next is tried beside it (RFC 8305, 5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// How long an idle connection is kept.
const KEPT_IDLE: Duration = Duration::from_secs(90);

/// How many idle connections are kept.
const MAX_IDLE: usize = 128;

/// The longest head of an answer, in bytes, and the most of its body that is read at once.
const MAX_BUFFER: usize = 64 * 1024;

/// Where a provider's service is, and how it is reached.
pub(super) struct Endpoint {
    host: String,
    port: u16,
    /// Path and query, as they are asked for.
    target: Uri,
    host_header: HeaderValue,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Endpoint {
    pub fn new(url: &str, tls: ClientConfig) -> Result<Self, StoreFault> {
        // Encoded as URLs are on the way: a path in Chinese, a name of another script.
        let uri: Uri = reqwest::Url::parse(url)?.as_str().parse()?;
        let authority = uri.authority().filter(|a| !a.as_str().contains('@'));
        let (Some("https"), Some(authority)) = (uri.scheme_str(), authority) else {
            return Err("the URL of a source is https://host[:port]/path".into());
        };
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        Ok(Self {
            name: ServerName::try_from(host.clone())?,
            host,
            port: authority.port_u16().unwrap_or(443),
            target: uri.path_and_query().map_or("/", |p| p.as_str()).parse()?,
            host_header: HeaderValue::from_str(authority.as_str())?,
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    async fn connect(&self) -> Result<Box<Link>, StoreFault> {
        let opened = async {
            let addresses = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
            let tcp = first_to_answer(addresses).await?;
            tcp.set_nodelay(true)?;
            Ok::<_, StoreFault>(self.tls.connect(self.name.clone(), tcp).await?)
        };
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, opened)
            .await
            .map_err(|_| SourceError::Timeout)??;
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_BUFFER)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Box::new(Link {
            sender,
            connection,
            idle_since: Instant::now(),
        }))
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let json = HeaderValue::from_static("application/json");
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = hyper::Method::POST;
        request.uri_mut().clone_from(&self.target);
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host_header.clone());
        headers.insert(header::ACCEPT, json.clone());
        headers.insert(header::CONTENT_TYPE, json);
        request
    }
}

/// Connects to the first address that answers. The next is tried when one fails, or takes long.
async fn first_to_answer(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = addresses.fuse();
    let mut attempts = FuturesUnordered::new();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        if let Some(address) = addresses.next() {
            attempts.push(TcpStream::connect(address));
        }
        match tokio::time::timeout(NEXT_ADDRESS, attempts.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => failed = error,
            Ok(None) => return Err(failed),
            Err(_) => {}
        }
    }
}

/// One connection. Whoever calls over it drives it: no task of its own, no channel in between.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<TlsStream<TcpStream>>, Full<Bytes>>,
    idle_since: Instant,
}

impl Link {
    /// Whether it can take a call: the provider has not closed it, and the last answer was read to its end.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.drive(cx).is_pending() && self.sender.is_ready())).await
    }

    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Pin::new(&mut self.connection).poll(cx)
    }

    /// One call and its whole answer.
    async fn post(&mut self, request: Request<Full<Bytes>>, max_bytes: usize) -> Result<Vec<u8>, CallError> {
        let mut answer = pin!(read(self.sender.send_request(request), max_bytes));
        let mut ended = false;
        poll_fn(|cx| {
            // The answer comes through the connection: what it has to say goes before its own end.
            if !ended {
                ended = Pin::new(&mut self.connection).poll(cx).is_ready();
            }
            match answer.as_mut().poll(cx) {
                // What was not sent before the end never will be.
                Poll::Pending if ended => Poll::Ready(Err(CallError::NoAnswer("the connection has ended".into()))),
                answer => answer,
            }
        })
        .await
    }
}

async fn read(
    response: impl Future<Output = hyper::Result<hyper::Response<hyper::body::Incoming>>>,
    max_bytes: usize,
) -> Result<Vec<u8>, CallError> {
    let response = response.await.map_err(|error| CallError::NoAnswer(error.into()))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(CallError::Answer(SourceError::Status(status)));
    }
    let too_much = || CallError::Answer(SourceError::TooMuch { max_bytes });
    let mut body = response.into_body();
    let announced = usize::try_from(body.size_hint().lower()).map_err(|_| too_much())?;
    if announced > max_bytes {
        return Err(too_much());
    }
    let mut answer = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| CallError::Answer(SourceError::Failed(e.into())))?;
        if let Ok(data) = frame.into_data() {
            if answer.len() + data.len() > max_bytes {
                return Err(too_much());
            }
            answer.extend_from_slice(&data);
        }
    }
    Ok(answer)
}

enum CallError {
    /// The connection ended before an answer began.
    NoAnswer(StoreFault),
    Answer(SourceError),
}

/// The connections of one thread to one provider.
pub(super) struct Links {
    endpoint: Endpoint,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Those that were used last come last, and are used first.
    #[expect(clippy::vec_box, reason = "a link is nearly two kilobytes, and moves for every call")]
    links: Vec<Box<Link>>,
    /// Somebody sees to it that they are closed when nobody calls any more.
    looked_after: bool,
}

impl Links {
    pub fn new(endpoint: Endpoint) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            idle: Mutex::default(),
        })
    }

    /// Posts JSON and returns the body of a 200, at most `max_bytes`.
    pub async fn post(self: &Arc<Self>, body: Bytes, max_bytes: usize) -> Result<Vec<u8>, SourceError> {
        let mut idle = self.take().await;
        loop {
            let is_new = idle.is_none();
            let mut link = match idle.take() {
                Some(link) => link,
                // Rare, and larger than all else of a call: it is not a part of each.
                None => Box::pin(self.endpoint.connect()).await.map_err(failed)?,
            };
            match link.post(self.endpoint.request(body.clone()), max_bytes).await {
                Ok(answer) => {
                    self.keep(link).await;
                    return Ok(answer);
                }
                Err(CallError::Answer(error)) => return Err(error),
                Err(CallError::NoAnswer(error)) if is_new => return Err(SourceError::Failed(error)),
                // It was closed at the moment that it was used again. To ask changes nothing with the provider, so that
                // it is asked once more, over a connection of which this cannot be.
                Err(CallError::NoAnswer(_)) => {}
            }
        }
    }

    /// Closes what is idle: after a call that nobody answered, the others may lead nowhere too.
    pub fn forget_idle(&self) {
        self.idle().links.clear();
    }

    /// An idle connection that can take a call.
    async fn take(&self) -> Option<Box<Link>> {
        loop {
            let mut link = self.idle().links.pop()?;
            if link.is_ready().await {
                return Some(link);
            }
        }
    }

    async fn keep(self: &Arc<Self>, mut link: Box<Link>) {
        if !link.is_ready().await {
            return;
        }
        link.idle_since = Instant::now();
        let mut idle = self.idle();
        if idle.links.len() < MAX_IDLE {
            idle.links.push(link);
        }
        if !std::mem::replace(&mut idle.looked_after, true) {
            tokio::spawn(look_after(Arc::downgrade(self)));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // A list of connections is whole after every push and pop.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what was idle for long, until there is nothing left.
async fn look_after(links: Weak<Links>) {
    loop {
        tokio::time::sleep(KEPT_IDLE / 2).await;
        let Some(links) = links.upgrade() else {
            return;
        };
        let mut idle = links.idle();
        idle.links.retain(|link| link.idle_since.elapsed() < KEPT_IDLE);
        if idle.links.is_empty() {
            idle.looked_after = false;
            return;
        }
    }
}

fn failed(error: StoreFault) -> SourceError {
    match error.downcast::<SourceError>() {
        Ok(error) => *error,
        Err(error) => SourceError::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[tokio::test]
    async fn an_address_that_does_not_answer_is_followed_by_the_next() {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (gone, there) = (listen(), listen());
        let (refuses, answers) = (gone.local_addr().unwrap(), there.local_addr().unwrap());
        drop(gone);
        let stream = first_to_answer([refuses, refuses, answers].into_iter()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), answers);
        let error = first_to_answer([refuses].into_iter()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = first_to_answer(std::iter::empty()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_keep_the_next_from_being_tried() {
        // Nobody accepts, and whoever comes after the queue is full hears nothing.
        let silent = tokio::net::TcpSocket::new_v4().unwrap();
        silent.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let silent = silent.listen(1).unwrap();
        let address = silent.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(NEXT_ADDRESS, TcpStream::connect(address)).await {
            queued.push(stream);
        }
        let there = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let answers = there.local_addr().unwrap();
        // Long before the silent one is given up, which takes minutes.
        let stream = tokio::time::timeout(Duration::from_secs(20), first_to_answer([address, answers].into_iter()));
        assert_eq!(stream.await.unwrap().unwrap().peer_addr().unwrap(), answers);
    }
}
