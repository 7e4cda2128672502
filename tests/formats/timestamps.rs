//! Authorities that a seal depends on: what is believed of their answers, and what is issued where they fail.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ring::rand::SystemRandom;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use yinxin::{
    audit::Action,
    certificate::{
        CertificateError, FetchError, Level, LongTerm, LongTermError, Place, RevocationLists, TimestampFault,
        TimestampSource, Timestamps,
    },
    clock::{Clock, ManualClock, SystemClock},
    formats::timestamp::{Imprint, MAX_TOKEN_BYTES, Request, Response, TST_INFO, TstInfo},
    keys::{Identity, SoftwareKey, TimestampAuthority, TimestampAuthorityError},
    server::Fetcher,
    verification::Trust,
};

use crate::{
    attacks::noon,
    command::Folder,
    county::{County, request_id},
    levels::{anchors, everything, lists, nothing, seal_at, signatures, timestamps},
    pki::{Leaf, Root},
};

/// How the answers of a test's authority are made: status and body, of a request.
type Answer = dyn FnMut(&[u8]) -> (u16, Vec<u8>) + Send;

/// An authority over HTTP, on a thread that ends with the process.
struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start(mut answer: Box<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/tsa", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut received = Vec::new();
                let mut buffer = [0; 4096];
                let body = loop {
                    let read = stream.read(&mut buffer).unwrap();
                    received.extend_from_slice(&buffer[..read]);
                    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
                        continue;
                    };
                    let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let length: usize = length.map_or(0, |length| length.parse().unwrap());
                    if received.len() >= end + 4 + length {
                        assert!(
                            length == 0 || head.contains("content-type: application/timestamp-query"),
                            "{head}"
                        );
                        break received[end + 4..].to_vec();
                    }
                };
                count.fetch_add(1, Ordering::SeqCst);
                let (status, body) = answer(&body);
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                // A client that has given up is not there to read it.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Self { url, asked }
    }

    fn source(&self) -> TimestampSource {
        TimestampSource::Remote {
            fetch: Arc::new(Fetcher::new(None, Duration::from_secs(2)).unwrap()),
            address: self.url.clone(),
            policy: None,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn authority(identity: Identity, at: &str) -> TimestampAuthority {
    let clock = ManualClock::at(at.parse().unwrap());
    TimestampAuthority::new(identity, clock, Arc::new(SystemRandom::new())).unwrap()
}

const NOW: &str = "2026-11-05T04:00:00Z";

/// What comes of asking an authority that answers so, by an asker that trusts `root`.
async fn stamp(root: &Root, answer: Box<Answer>) -> (Result<(), TimestampFault>, usize) {
    let server = Server::start(answer);
    let clock = ManualClock::at(noon());
    let stamped = timestamps(root, &clock, server.source())
        .stamp(&[b"one ", b"two"])
        .await;
    (stamped.map(drop), server.asked())
}

/// OpenSSL as the authority: it shares no code with ours.
#[tokio::test]
async fn a_foreign_authority_over_http_stamps_a_seal() {
    let folder = Folder::new();
    let run = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(&folder.0)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let config = "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\ndefault_policy = 1.2.3.4\ndigests = sha256\n\
                  ess_cert_id_alg = sha256\nsigner_digest = sha256\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
                  [ca]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\n\
                  [leaf]\nextendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n\
                  [req]\ndistinguished_name = name\n[name]\n";
    folder.write("tsa.cnf", config.as_bytes());
    folder.write("serial", b"01\n");
    run(
        "req -x509 -config tsa.cnf -extensions ca -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=示例 -utf8",
    );
    run("req -new -config tsa.cnf -newkey rsa:3072 -nodes -keyout tsa.key -out tsa.csr -subj /CN=示例时间戳 -utf8");
    run(
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile tsa.cnf -extensions leaf -out tsa.pem",
    );

    let place = folder.0.clone();
    let server = Server::start(Box::new(move |query| {
        fs::write(place.join("q"), query).unwrap();
        let arguments = "ts -reply -config tsa.cnf -queryfile q -out r";
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(&place)
            .output();
        assert!(output.unwrap().status.success());
        (200, fs::read(place.join("r")).unwrap())
    }));
    let root = Root::new("示例根");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    fs::create_dir(folder.0.join("roots")).unwrap();
    fs::copy(folder.0.join("ca.pem"), folder.0.join("roots/ca.pem")).unwrap();
    let long_term = LongTerm {
        timestamps: Some(Timestamps {
            source: server.source(),
            roots: Arc::new(Trust::load(&folder.0.join("roots"), noon()).unwrap()),
            clock: clock.clone(),
            random: Arc::new(SystemRandom::new()),
        }),
        lists: None,
        roots: anchors(&root),
        clock,
    };
    assert_eq!(long_term.highest(), Level::T);
    let document = seal_at(Level::T, &root.seal(&Leaf::default()), &long_term).await;
    assert_eq!((server.asked(), signatures(&document).len()), (1, 1));
}

#[tokio::test]
async fn only_a_timestamp_that_answers_this_request_is_believed() {
    let root = Root::new("示例根");
    let good = Arc::new(authority(root.timestamps(true), NOW));
    let (stamped, asked) = stamp(&root, {
        let good = good.clone();
        Box::new(move |query| (200, good.respond(query).unwrap()))
    })
    .await;
    assert!(stamped.is_ok(), "{stamped:?}");
    assert_eq!(asked, 1);

    type Change = fn(&mut Request);
    for (change, why) in [
        (
            (|request| request.imprint = Imprint::sha256(&[b"other"])) as Change,
            "it is of other bytes",
        ),
        (
            |request| request.nonce = Some(vec![1]),
            "it does not bring back the nonce",
        ),
        (|request| request.nonce = None, "it does not bring back the nonce"),
        (
            |request| request.certificates = false,
            "the authority's certificate is missing",
        ),
    ] {
        let good = good.clone();
        let (stamped, _) = stamp(
            &root,
            Box::new(move |query| {
                let mut request = Request::parse(query).unwrap();
                change(&mut request);
                (200, good.respond(&request.to_der().unwrap()).unwrap())
            }),
        )
        .await;
        assert!(
            matches!(stamped, Err(TimestampFault::Wrong(said)) if said == why),
            "{why}: {stamped:?}"
        );
    }

    let late = authority(root.timestamps(true), "2026-11-05T04:06:00Z");
    let (stamped, _) = stamp(&root, Box::new(move |query| (200, late.respond(query).unwrap()))).await;
    assert!(
        matches!(stamped, Err(TimestampFault::Wrong("its time is not the node's"))),
        "{stamped:?}"
    );

    let other = authority(Root::new("另一根").timestamps(true), NOW);
    let (stamped, _) = stamp(&root, Box::new(move |query| (200, other.respond(query).unwrap()))).await;
    assert!(matches!(stamped, Err(TimestampFault::Untrusted(_))), "{stamped:?}");
}

/// The token that a seal's key, or one with a changed signature, would make.
fn forged(identity: &Identity, query: &[u8], spoil: bool) -> Vec<u8> {
    let request = Request::parse(query).unwrap();
    let info = TstInfo {
        policy: "1.2.3".parse().unwrap(),
        imprint: request.imprint,
        serial: vec![1],
        time: noon(),
        accuracy: None,
        ordering: false,
        nonce: request.nonce,
        authority: None,
    };
    let mut token = identity
        .sign_content(TST_INFO, &info.to_der().unwrap())
        .unwrap()
        .to_der()
        .unwrap();
    if spoil {
        *token.last_mut().unwrap() ^= 1;
    }
    Response::granted(&token).unwrap()
}

#[tokio::test]
async fn a_timestamp_signed_by_a_key_for_something_else_or_wrongly_is_not_believed() {
    let root = Root::new("示例根");
    let seal = root.seal(&Leaf::default());
    let (stamped, _) = stamp(&root, Box::new(move |query| (200, forged(&seal, query, false)))).await;
    let why = "the authority's certificate is not for timestamps alone";
    assert!(
        matches!(stamped, Err(TimestampFault::Wrong(said)) if said == why),
        "{stamped:?}"
    );

    let identity = root.timestamps(true);
    let (stamped, _) = stamp(&root, Box::new(move |query| (200, forged(&identity, query, true)))).await;
    assert!(
        matches!(stamped, Err(TimestampFault::Wrong("its signature is wrong"))),
        "{stamped:?}"
    );

    let refused = TimestampAuthority::new(
        root.timestamps(false),
        ManualClock::at(noon()),
        Arc::new(SystemRandom::new()),
    );
    assert!(matches!(refused, Err(TimestampAuthorityError::Purpose)), "not critical");
}

#[tokio::test]
async fn an_authority_that_fails_once_is_asked_again_and_one_that_answers_nonsense_is_not() {
    let root = Root::new("示例根");
    let good = authority(root.timestamps(true), NOW);
    let failed = Mutex::new(false);
    let (stamped, asked) = stamp(
        &root,
        Box::new(move |query| {
            let before = std::mem::replace(&mut *failed.lock().unwrap(), true);
            if before {
                (200, good.respond(query).unwrap())
            } else {
                (503, Vec::new())
            }
        }),
    )
    .await;
    assert!(stamped.is_ok(), "{stamped:?}");
    assert_eq!(asked, 2);

    let (stamped, asked) = stamp(&root, Box::new(|_| (500, Vec::new()))).await;
    assert!(
        matches!(stamped, Err(TimestampFault::Fetch(FetchError::Status(500)))),
        "{stamped:?}"
    );
    assert_eq!(asked, 2);
    let (stamped, asked) = stamp(&root, Box::new(|_| (404, Vec::new()))).await;
    assert!(
        matches!(stamped, Err(TimestampFault::Fetch(FetchError::Status(404)))),
        "{stamped:?}"
    );
    assert_eq!(asked, 1);
    let (stamped, asked) = stamp(&root, Box::new(|_| (200, b"<html>".to_vec()))).await;
    assert!(matches!(stamped, Err(TimestampFault::Form(_))), "{stamped:?}");
    assert_eq!(asked, 1);
    let (stamped, _) = stamp(&root, Box::new(|_| (200, vec![0x30; MAX_TOKEN_BYTES + 1]))).await;
    assert!(
        matches!(
            stamped,
            Err(TimestampFault::Fetch(FetchError::TooMuch(MAX_TOKEN_BYTES)))
        ),
        "{stamped:?}"
    );
    let refusing = authority(root.timestamps(true), NOW);
    let (stamped, asked) = stamp(
        &root,
        Box::new(move |query| {
            let mut request = Request::parse(query).unwrap();
            request.imprint.algorithm = "1.3.14.3.2.26".parse().unwrap();
            (200, refusing.respond(&request.to_der().unwrap()).unwrap())
        }),
    )
    .await;
    assert!(
        matches!(&stamped, Err(TimestampFault::Refused { status: 2, text }) if text.contains("SHA-256")),
        "{stamped:?}"
    );
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn an_authority_that_does_not_answer_is_given_up_in_time() {
    let root = Root::new("示例根");
    let server = Server::start(Box::new(|_| {
        std::thread::sleep(Duration::from_secs(3_600));
        (200, Vec::new())
    }));
    let source = TimestampSource::Remote {
        fetch: Arc::new(Fetcher::new(None, Duration::from_millis(200)).unwrap()),
        address: server.url.clone(),
        policy: None,
    };
    let clock = ManualClock::at(noon());
    let stamped = timestamps(&root, &clock, source).stamp(&[b"one"]).await.map(drop);
    assert!(
        matches!(stamped, Err(TimestampFault::Fetch(FetchError::Timeout))),
        "{stamped:?}"
    );
}

/// A county that seals at a level, with lists at these places.
async fn county(name: &str, level: &str, root: &Root, long_term: impl FnOnce(&Arc<ManualClock>) -> LongTerm) -> County {
    County::sealing(name, level, root.seal(&Leaf::default()), long_term).await
}

fn file(path: impl AsRef<Path>) -> Place {
    Place::File(path.as_ref().to_owned())
}

#[tokio::test]
async fn a_certificate_of_the_highest_level_asks_its_authority_twice_and_one_with_a_timestamp_once() {
    let (folder, root) = (Folder::new(), Root::new("示例根"));
    let list = folder.write("root.crl", &root.list(&[], (2026, 12, 1)));
    for (level, calls, revisions) in [("B-B", 0, 2), ("B-T", 1, 2), ("B-LT", 1, 3), ("B-LTA", 2, 4)] {
        let now = crate::county::NOW;
        let good = authority(root.timestamps(true), now);
        let server = Server::start(Box::new(move |query| (200, good.respond(query).unwrap())));
        let county = county(&format!("calls-{level}"), level, &root, |clock| LongTerm {
            timestamps: Some(timestamps(&root, clock, server.source())),
            lists: Some(lists(vec![file(&list)])),
            ..nothing(&root, clock)
        })
        .await;
        let certificate = county.issue("key-00000001").await.unwrap();
        assert_eq!((server.asked(), county.signatures()), (calls, 1), "{level}");
        let document = county
            .issuer
            .document(&request_id(), &county.hr, &certificate.identifier)
            .await
            .unwrap();
        let ends = document.windows(5).filter(|window| *window == b"%%EOF").count();
        assert_eq!(ends, revisions, "{level}");
    }
}

#[tokio::test]
async fn without_a_timestamp_nothing_is_delivered_and_a_repeat_goes_on_with_the_same_identifier() {
    let root = Root::new("示例根");
    let good = authority(root.timestamps(true), crate::county::NOW);
    let fails = Arc::new(Mutex::new(true));
    let server = Server::start({
        let fails = fails.clone();
        Box::new(move |query| match *fails.lock().unwrap() {
            true => (502, Vec::new()),
            false => (200, good.respond(query).unwrap()),
        })
    });
    let county = county("no-timestamp", "B-T", &root, |clock| LongTerm {
        timestamps: Some(timestamps(&root, clock, server.source())),
        ..nothing(&root, clock)
    })
    .await;
    let error = county.issue("key-00000001").await.unwrap_err();
    assert!(
        matches!(error, CertificateError::LongTerm(LongTermError::Timestamp(_))),
        "{error:?}"
    );
    let prepared = county.log.of(Action::Seal)[0].certificate.clone().unwrap();
    assert_eq!(
        *county.signed.lock().unwrap(),
        [1],
        "the intent was recorded before the key signed"
    );
    let undelivered = county.issuer.document(&request_id(), &county.hr, &prepared).await;
    assert!(matches!(undelivered, Err(CertificateError::NoSuchCertificate(_))));

    *fails.lock().unwrap() = false;
    let certificate = county.issue("key-00000001").await.unwrap();
    assert_eq!(certificate.identifier, prepared);
    assert_eq!(county.log.of(Action::Seal).len(), 2, "each sealing has its entry");
}

#[tokio::test]
async fn a_key_does_not_sign_where_no_list_in_force_vouches_for_its_certificate() {
    let (folder, root) = (Folder::new(), Root::new("示例根"));
    type Expected = fn(&LongTermError) -> bool;
    let unvouched: Expected = |error| matches!(error, LongTermError::Unvouched { whose: "seal's", .. });
    let missing: Expected = |error| matches!(error, LongTermError::List { .. });
    let revoked: Expected = |error| matches!(error, LongTermError::Revoked { whose: "seal's" });
    for (name, expected) in [
        ("missing", missing),
        ("garbage", missing),
        ("other", unvouched),
        ("namesake", unvouched),
        ("expired", unvouched),
        ("revoked", revoked),
        ("revoked from tomorrow on", revoked),
        ("of a root itself", unvouched),
    ] {
        let mut seal = root.seal(&Leaf::default());
        let mut trusted = anchors(&root);
        if name == "of a root itself" {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::default();
            params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
            let own = params.self_signed(&key).unwrap().der().clone();
            trusted = Arc::new(Trust::new(vec![own.clone(), root.der.clone()], noon()).unwrap());
            let key = SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap();
            seal = Identity::new(Box::new(key), vec![own]).unwrap();
        }
        let (_, leaf) = X509Certificate::from_der(&seal.chain[0]).unwrap();
        let list = match name {
            "garbage" => Some(b"-----BEGIN X509 CRL-----\nAAAA\n".to_vec()),
            "other" => Some(Root::new("另一根").list(&[], (2026, 12, 1))),
            // Another key under the same name.
            "namesake" => Some(Root::new("示例根").list(&[], (2026, 12, 1))),
            "expired" => Some(root.list(&[], (2026, 11, 21))),
            "revoked" => Some(root.list(&[leaf.raw_serial()], (2026, 12, 1))),
            "revoked from tomorrow on" => Some(root.list_since(&[leaf.raw_serial()], (2026, 11, 23), (2026, 12, 1))),
            "of a root itself" => Some(root.list(&[], (2026, 12, 1))),
            _ => None,
        };
        let path = folder.0.join(format!("{name}.crl"));
        if let Some(list) = list {
            fs::write(&path, list).unwrap();
        }
        let county = County::sealing(&format!("list-{name}"), "B-LT", seal, |clock| LongTerm {
            roots: trusted,
            ..everything(&root, clock, vec![file(&path)])
        })
        .await;
        let error = county.issue("key-00000001").await.unwrap_err();
        let CertificateError::LongTerm(error) = error else {
            panic!("{name}: {error:?}");
        };
        assert!(expected(&error), "{name}: {error:?}");
        assert_eq!(
            (county.signatures(), county.log.of(Action::Seal).len()),
            (0, 0),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_list_is_fetched_once_while_it_counts_and_outlives_its_server_until_it_ends() {
    let root = Root::new("示例根");
    let list = root.list(&[], (2026, 11, 7));
    let up = Arc::new(Mutex::new(true));
    let server = Server::start({
        let up = up.clone();
        Box::new(move |_| {
            if *up.lock().unwrap() {
                (200, list.clone())
            } else {
                (500, Vec::new())
            }
        })
    });
    let lists = RevocationLists::new(
        vec![Place::Address(server.url.clone())],
        Arc::new(Fetcher::new(None, Duration::from_secs(2)).unwrap()),
        Duration::from_secs(3_600),
    );
    let minutes = |minutes: i64| noon() + jiff::SignedDuration::from_mins(minutes);
    assert_eq!(lists.current(minutes(0)).await.unwrap().len(), 1);
    assert_eq!(lists.current(minutes(59)).await.unwrap().len(), 1);
    assert_eq!(server.asked(), 1);
    assert_eq!(lists.current(minutes(61)).await.unwrap().len(), 1);
    assert_eq!(server.asked(), 2);
    *up.lock().unwrap() = false;
    assert_eq!(lists.current(minutes(180)).await.unwrap().len(), 1);
    let ended = lists.current(minutes(3 * 24 * 60)).await.map(|lists| lists.len());
    assert!(matches!(ended, Err(LongTermError::List { .. })), "{ended:?}");
}

#[tokio::test]
async fn a_list_in_a_file_is_read_again_when_the_file_changes() {
    let (folder, root) = (Folder::new(), Root::new("示例根"));
    let path = folder.write("root.crl", &root.list(&[], (2026, 12, 1)));
    let lists = lists(vec![file(&path)]);
    let first = lists.current(noon()).await.unwrap()[0].der().to_vec();
    fs::write(&path, root.list(&[&[1, 2, 3]], (2026, 12, 1))).unwrap();
    let second = lists.current(noon()).await.unwrap()[0].der().to_vec();
    assert_ne!(first, second);
}
