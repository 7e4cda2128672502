#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{fs, path::PathBuf, process::Command};

use jiff::{SignedDuration, Timestamp};

use super::*;

/// OpenSSL as an authority, in a folder of its own.
struct OpenSsl(PathBuf);

const CONFIG: &str = "
[tsa]
default_tsa = one
[one]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1, millisecs:500, microsecs:100
ordering = yes
tsa_name = yes
ess_cert_id_alg = sha256
signer_digest = sha256
[request]
distinguished_name = name
[name]
";

impl OpenSsl {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("yinxin-timestamp-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let openssl = Self(folder);
        openssl.write("tsa.cnf", CONFIG.as_bytes());
        openssl.write("serial", b"3039\n");
        openssl.run(
            "req -x509 -config tsa.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -out tsa.pem \
             -subj /CN=示例时间戳 -utf8 -days 2 -addext extendedKeyUsage=critical,timeStamping",
        );
        openssl
    }

    fn run(&self, arguments: &str) -> String {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "openssl {arguments}: {text}");
        text
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    /// Its answer to a request.
    fn reply(&self, request: &Request) -> Vec<u8> {
        self.write("q", &request.to_der().unwrap());
        self.run("ts -reply -config tsa.cnf -queryfile q -signer tsa.pem -inkey tsa.key -out r");
        self.read("r")
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn info() -> TstInfo {
    TstInfo {
        policy: ObjectIdentifier::new_unwrap("1.2.3"),
        imprint: Imprint::sha256(&[b"a", b"bc"]),
        serial: vec![1, 2],
        time: "2026-11-22T04:00:00.125Z".parse().unwrap(),
        accuracy: Some(SignedDuration::from_millis(1_001)),
        ordering: false,
        nonce: None,
        authority: None,
    }
}

#[test]
fn openssl_understands_our_request_and_we_its_own() {
    let openssl = OpenSsl::new();
    let request = Request::new(Imprint::sha256(&[b"abc"]), [0x80, 1, 2, 3, 4, 5, 6, 7]);
    openssl.write("ours", &request.to_der().unwrap());
    let text = openssl.run("ts -query -in ours -text");
    assert!(text.contains("Hash Algorithm: sha256"), "{text}");
    assert!(text.contains("Nonce: 0x8001020304050607"), "{text}");
    assert!(text.contains("Certificate required: yes"), "{text}");

    openssl.write("abc", b"abc");
    openssl.run("ts -query -data abc -sha512 -tspolicy 1.2.3.4 -out theirs");
    let theirs = openssl.read("theirs");
    let parsed = Request::parse(&theirs).unwrap();
    assert_eq!((parsed.imprint.digest.len(), parsed.certificates), (64, false));
    assert_eq!(parsed.policy.unwrap().to_string(), "1.2.3.4");
    assert_eq!(parsed.to_der().unwrap(), theirs);
}

#[test]
fn what_a_token_of_openssl_says_is_read() {
    let openssl = OpenSsl::new();
    let request = Request::new(Imprint::sha256(&[b"abc"]), [0, 0, 2, 3, 4, 5, 6, 7]);
    let before = Timestamp::now() - SignedDuration::from_secs(1);
    let Response::Granted(token) = Response::parse(&openssl.reply(&request)).unwrap() else {
        panic!("refused");
    };
    let info = &token.info;
    assert_eq!(info.imprint, request.imprint);
    assert_eq!(info.nonce, request.nonce);
    assert_eq!(info.nonce.as_deref(), Some([2, 3, 4, 5, 6, 7].as_slice()));
    assert_eq!(info.policy.to_string(), "1.2.3.4.1");
    assert_eq!(info.accuracy, Some(SignedDuration::from_micros(1_500_100)));
    assert!(info.ordering && info.authority.is_some());
    assert!(info.time >= before && info.time <= Timestamp::now(), "{}", info.time);
    assert_eq!(TstInfo::parse(&token.content).unwrap(), *info);
    assert_eq!(Token::parse(&token.der).unwrap(), *token);
    for end in 0..token.der.len() {
        assert!(Token::parse(&token.der[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_refusal_says_why_to_openssl_and_to_us() {
    let openssl = OpenSsl::new();
    let der = refusal(Failure::BadAlgorithm, "only SHA-256").unwrap();
    openssl.write("no", &der);
    let text = openssl.run("ts -reply -in no -text");
    assert!(text.contains("Rejected") && text.contains("only SHA-256"), "{text}");
    assert!(text.contains("unrecognized or unsupported algorithm"), "{text}");
    assert_eq!(
        Response::parse(&der).unwrap(),
        Response::Refused {
            status: 2,
            failure: Some(Failure::BadAlgorithm),
            text: "only SHA-256".to_owned()
        }
    );
    let last = refusal(Failure::SystemFailure, "").unwrap();
    let Response::Refused { failure, .. } = Response::parse(&last).unwrap() else {
        panic!("granted");
    };
    assert_eq!(failure, Some(Failure::SystemFailure));
}

#[test]
fn a_time_is_read_to_the_nanosecond_and_only_in_its_one_form() {
    let der = info().to_der().unwrap();
    assert_eq!(TstInfo::parse(&der).unwrap(), info());
    let place = der.windows(14).position(|window| window == b"20261122040000").unwrap();
    let with = |text: &[u8]| {
        let mut changed = der.clone();
        changed[place..place + text.len()].copy_from_slice(text);
        TstInfo::parse(&changed).map(|info| info.time)
    };
    assert_eq!(
        with(b"20261122040000.009Z").unwrap(),
        "2026-11-22T04:00:00.009Z".parse().unwrap()
    );
    for wrong in [
        b"20261122040000.125+",
        b"20261322040000.125Z",
        b"20261122040060.125Z",
        b"20261122040000,125Z",
        b"2026112204000000000",
        b"20261122040000....Z",
    ] {
        assert!(with(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
    }
}

#[test]
fn a_message_with_other_content_is_no_token() {
    let openssl = OpenSsl::new();
    openssl.write("abc", b"abc");
    openssl.run("cms -sign -binary -nodetach -in abc -signer tsa.pem -inkey tsa.key -outform DER -out m");
    assert_eq!(Token::parse(&openssl.read("m")), Err(TimestampError::OtherContent));
    assert_eq!(
        Token::parse(&vec![0x30; MAX_TOKEN_BYTES + 1]),
        Err(TimestampError::Limit("MAX_TOKEN_BYTES"))
    );
}
