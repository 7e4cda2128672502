//! Keys that departments seal with: in a PKCS#11 token, under a password, with SM2. Each is made by `yinxin keys`,
//! certified by OpenSSL in the place of a real authority, and seals over the real API; nothing of it is in a log.

use std::{
    fs,
    process::{Command, Stdio},
};

use x509_parser::pem;
use yinxin::{
    formats::x509::Signed,
    verification::{Indication, Report, RevocationStatus, SignatureKind as Kind, Trust, Verifier},
};

use crate::support::*;

const PIN: &str = "739105826";
const SO_PIN: &str = "5028164937";
const PASSWORD: &str = "a password that is in no log 密码";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A site whose housing fund seals with a key of a test's own.
struct Sealing {
    site: Site,
    provider: Provider,
}

impl Sealing {
    async fn new() -> Self {
        let site = Site::new();
        let provider = Provider::start(&site.authority, &site.authority.server(), housing_fund_records()).await;
        let seeding = Node::start(&site.config());
        site.declare(&seeding.services, provider.address).await;
        seeding.stop();
        site.authority.save(site.folder.path());
        site.folder.write(
            "softhsm2.conf",
            format!(
                "directories.tokendir = {}\nobjectstore.backend = file\n",
                site.folder.path().join("tokens").display()
            ),
        );
        fs::create_dir(site.folder.path().join("tokens")).unwrap();
        let this = Self { site, provider };
        this.secret("pin", PIN);
        this.secret("password", PASSWORD);
        this
    }

    fn secret(&self, name: &str, secret: &str) {
        yinxin::keys::authority::write_private(&self.site.folder.path().join(name), secret.as_bytes()).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.site.folder.path().join(name)
    }

    fn conf(&self) -> (String, String) {
        (
            "SOFTHSM2_CONF".to_owned(),
            self.path("softhsm2.conf").display().to_string(),
        )
    }

    /// Runs a program in the site's folder and gives what it said.
    fn run(&self, program: &str, arguments: &str) -> String {
        let output = self.output(program, arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{program} {arguments}: {said}");
        said
    }

    fn output(&self, program: &str, arguments: &str) -> std::process::Output {
        let (name, value) = self.conf();
        Command::new(program)
            .args(arguments.split_whitespace())
            .current_dir(self.site.folder.path())
            .env(name, value)
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    fn yinxin(&self, arguments: &str) -> String {
        let said = self.run(env!("CARGO_BIN_EXE_yinxin"), arguments);
        assert!(!said.contains(PIN) && !said.contains(PASSWORD), "{said}");
        said
    }

    /// What an authority does with a request: NAME.csr becomes NAME.pem.
    fn certify(&self, name: &str, root: &str, digest: &str) {
        self.site.folder.write(
            "seal.cnf",
            "keyUsage=critical,digitalSignature,nonRepudiation\nextendedKeyUsage=1.3.6.1.5.5.7.3.36\n\
             basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
        );
        self.run(
            "openssl",
            &format!(
                "x509 -req -in {name}.csr -CA {root}.pem -CAkey {root}.key -set_serial 4711 -days 2 -extfile seal.cnf \
                 -out {name}.pem {digest}"
            ),
        );
    }

    /// Lets the housing fund seal with `keys`, the rest of the table in node.toml.
    fn seal_with(&self, keys: &str) {
        let config = fs::read_to_string(self.path("node.toml")).unwrap();
        let old =
            "certificate = \"seal-shache-gjj.pem\"\nkey = \"seal-shache-gjj.key\"\npassword = \"file:seal.password\"\n";
        assert!(config.contains(old), "{config}");
        let config = config
            .replace(old, keys)
            .replace("level = \"warn\"", "level = \"trace\"");
        fs::write(self.path("node.toml"), config).unwrap();
    }

    /// Issues a proof over the API of a node that is a process of its own, and gives it with all that the node said.
    async fn issue(&self) -> (Vec<u8>, String) {
        let (answers, said) = self.ask().await;
        let [_, Ok(document)] = answers else {
            panic!("{answers:?}")
        };
        (document, said)
    }

    /// Asks for a proof twice. Each answer is the document, or why there is none.
    async fn ask(&self) -> ([Result<Vec<u8>, String>; 2], String) {
        let log = fs::File::create(self.path("log")).unwrap();
        let node = NodeProcess::start_in(&self.site.config_file(), Stdio::from(log), &[self.conf()]);
        let window = self
            .site
            .client(node.addresses.exchange, Some(self.site.credential("window")));
        let mut answers = [Err(String::new()), Err(String::new())];
        // More than one: the session with the token is used again.
        for answer in &mut answers {
            let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
            let token = window.token(&case).await;
            let issued = window.issue(&token, "gongjijin-jiaocun", &case, &worker()).await;
            if issued.status != 201 {
                let problem = issued.json();
                *answer = Err(format!(
                    "{} {}",
                    issued.status.as_u16(),
                    problem["code"].as_str().unwrap()
                ));
                continue;
            }
            let issued = issued.expect(201);
            let identifier = issued["identifier"].as_str().unwrap();
            let document = window.get(&format!("/v1/certificates/{identifier}/document.pdf")).await;
            *answer = Ok(document.body);
        }
        node.terminate();
        let mut node = node;
        node.wait();
        let said = fs::read_to_string(self.path("log")).unwrap();
        assert!(said.contains("TRACE"), "the log is not at its most talkative");
        let _ = &self.provider;
        (answers, said)
    }

    /// That OpenSSL reads `sm2.crl`, with so many entries, and finds the root's SM2 value right over it.
    fn assert_list_is_signed(&self, entries: usize) {
        let text = self.run("openssl", "crl -in sm2.crl -noout -text");
        assert!(text.contains("SM2-with-SM3") && text.contains("CRL Number"), "{text}");
        assert_eq!(text.matches("Serial Number:").count(), entries, "{text}");
        let pem = pem::parse_x509_pem(&fs::read(self.path("sm2.crl")).unwrap()).unwrap().1;
        let list = Signed::split(&pem.contents).unwrap();
        fs::write(self.path("list.body"), list.body()).unwrap();
        fs::write(self.path("list.value"), list.value()).unwrap();
        self.run("openssl", "x509 -in sm2/root.pem -noout -pubkey -out sm2.pub");
        // `openssl crl` cannot be told the identity that GB/T 35276 signs with, and asks for none.
        let said = self.run(
            "openssl",
            "pkeyutl -verify -pubin -inkey sm2.pub -rawin -digest sm3 -pkeyopt distid:1234567812345678 -in list.body \
             -sigfile list.value",
        );
        assert!(said.contains("Signature Verified Successfully"), "{said}");
    }

    /// By the root of the site, which vouches for its timestamps, and this one.
    fn verify(&self, document: &[u8], root: &str) -> Report {
        let folder = self.path("trusted");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(self.path("root.pem"), folder.join("timestamps.pem")).unwrap();
        fs::copy(self.path(&format!("{root}.pem")), folder.join("root.pem")).unwrap();
        let now = jiff::Timestamp::now();
        Verifier::new(Trust::load(&folder, now).unwrap()).verify(document, None, now)
    }
}

/// Every form in which a secret could stand in a text.
fn assert_silent(said: &str, secret: &[u8]) {
    let forms = [
        String::from_utf8_lossy(secret).into_owned(),
        data_encoding::HEXLOWER.encode(secret),
        data_encoding::HEXUPPER.encode(secret),
        data_encoding::BASE64.encode(secret),
        format!("{secret:?}"),
    ];
    for form in forms {
        assert!(!said.contains(&form), "a secret is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_seals_with_a_key_that_never_leaves_its_token() {
    for (name, kind, algorithm) in [
        ("ec", "EC:prime256v1", "ECDSA SHA-256"),
        ("rsa", "rsa:2048", "RSA PKCS#1 SHA-256"),
    ] {
        let sealing = Sealing::new().await;
        sealing.run(
            "softhsm2-util",
            &format!("--init-token --free --label seals --pin {PIN} --so-pin {SO_PIN}"),
        );
        // SoftHSM's own tool makes no keys: OpenSSL makes one, and it is imported and thrown away.
        let options = match name {
            "ec" => "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            _ => "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        };
        sealing.run("openssl", &format!("genpkey {options} -out imported.key"));
        sealing.run(
            "softhsm2-util",
            &format!("--import imported.key --token seals --label gjj --id 01 --pin {PIN}"),
        );
        fs::remove_file(sealing.path("imported.key")).unwrap();
        let token = format!("--module {MODULE} --token seals --label gjj --pin file:pin");
        sealing.yinxin(&format!(
            "keys request {token} --out {name} --name 示例公积金电子印章 --department 示例公积金中心"
        ));
        sealing.run("openssl", &format!("req -in {name}.csr -noout -verify"));
        sealing.certify(name, "root", "-sha256");
        assert!(
            sealing
                .yinxin(&format!("keys show {token} --certificate {name}.pem"))
                .contains("示例"),
            "{kind}"
        );

        sealing.seal_with(&format!(
            "certificate = \"{name}.pem\"\npkcs11 = {{ module = \"{MODULE}\", token = \"seals\", key = \"gjj\", pin = \
             \"file:pin\" }}\n"
        ));
        let (document, said) = sealing.issue().await;
        let report = sealing.verify(&document, "root");
        assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
        assert_eq!(report.signatures[0].algorithm.as_deref(), Some(algorithm));
        assert_silent(&said, PIN.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_or_token_keeps_the_node_from_starting_and_is_not_repeated() {
    let sealing = Sealing::new().await;
    sealing.run(
        "softhsm2-util",
        &format!("--init-token --free --label seals --pin {PIN} --so-pin {SO_PIN}"),
    );
    sealing.secret("wrong", "000000001");
    for (token, pin) in [
        ("seals", "file:wrong"),
        ("other", "file:pin"),
        ("seals", "env:YINXIN_TEST_NOT_SET"),
    ] {
        let show = format!("keys show --module {MODULE} --token {token} --label gjj --pin {pin}");
        let output = sealing.output(env!("CARGO_BIN_EXE_yinxin"), &show);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.trim().is_empty());
        assert_silent(&said, PIN.as_bytes());
        assert_silent(&said, b"000000001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_under_a_password_seals_and_neither_is_in_a_log() {
    let sealing = Sealing::new().await;
    sealing.yinxin("keys request --password file:password --out gjj --name 示例印章 --department 示例公积金中心");
    sealing.run("openssl", "req -in gjj.csr -noout -verify");
    sealing.certify("gjj", "root", "-sha256");
    sealing.seal_with("certificate = \"gjj.pem\"\nkey = \"gjj.key\"\npassword = \"file:password\"\n");
    let (document, said) = sealing.issue().await;
    let report = sealing.verify(&document, "root");
    assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
    assert_silent(&said, PASSWORD.as_bytes());

    // OpenSSL opens the key with the password, and with no other.
    sealing.run(
        "openssl",
        "pkey -in gjj.key -passin file:password -outform DER -out plain.der",
    );
    let plain = fs::read(sealing.path("plain.der")).unwrap();
    // The secret number stands behind the version and a length (RFC 5915).
    let at = plain.windows(2).position(|window| window == [0x04, 0x20]).unwrap() + 2;
    assert_silent(&said, &plain[at..at + 32]);
    sealing.secret("wrong", "another password");
    assert!(
        !sealing
            .output("openssl", "pkey -in gjj.key -passin file:wrong -noout")
            .status
            .success()
    );
    assert!(
        !sealing
            .output(
                env!("CARGO_BIN_EXE_yinxin"),
                "keys show --key gjj.key --password file:wrong"
            )
            .status
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_under_a_password_is_refused_with_what_to_do() {
    let sealing = Sealing::new().await;
    sealing.run(
        "openssl",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.key",
    );
    sealing.secret("plain.key", &fs::read_to_string(sealing.path("plain.key")).unwrap());
    let without = "certificate = \"seal-shache-gjj.pem\"\nkey = \"plain.key\"\n";
    sealing.seal_with(without);
    let config = sealing.path("node.toml").display().to_string();
    let said = |sealing: &Sealing| {
        let output = sealing.output(env!("CARGO_BIN_EXE_yinxin"), &format!("serve --config {config}"));
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let first = said(&sealing);
    assert!(
        first.contains("password") && first.contains("yinxin keys encrypt"),
        "{first}"
    );
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace(without, &format!("{without}password = \"file:password\"\n")),
    )
    .unwrap();
    let second = said(&sealing);
    assert!(second.contains("yinxin keys encrypt"), "{second}");
    sealing.yinxin("keys encrypt --key plain.key --password file:password");
    let third = said(&sealing);
    assert!(third.contains("does not belong to the key"), "{third}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sm2_keys_and_certificates_are_what_openssl_knows_and_seal_pdfs() {
    let sealing = Sealing::new().await;
    sealing.yinxin("keys authority --algorithm sm2 --dir sm2 --name 示例SM2根");
    sealing.yinxin(
        "keys seal --authority sm2 --out seal-sm2 --password file:password --name 示例SM2印章 --department 示例公积金中心",
    );
    let distid = "-vfyopt distid:1234567812345678";
    sealing.run(
        "openssl",
        &format!("verify {distid} -x509_strict -CAfile sm2/root.pem seal-sm2.pem"),
    );
    let text = sealing.run("openssl", "x509 -in seal-sm2.pem -noout -text");
    assert!(
        text.contains("SM2-with-SM3") && text.contains("Non Repudiation"),
        "{text}"
    );

    // A request for a real authority, which OpenSSL checks and answers; the answer and the key are imported.
    sealing.yinxin(
        "keys request --algorithm sm2 --password file:password --out asked --name 示例SM2印章 --department 示例公积金中心",
    );
    sealing.run("openssl", &format!("req -in asked.csr -noout -verify {distid}"));
    sealing.certify(
        "asked",
        "sm2/root",
        "-sm3 -sigopt distid:1234567812345678 -vfyopt distid:1234567812345678",
    );
    sealing.yinxin(
        "keys import --certificate asked.pem --key asked.key --old-password file:password --password file:password --out gjj",
    );

    // Seals at B-LTA: the root is trusted, and its list, which OpenSSL knows, vouches for what it issued.
    sealing.yinxin("keys revocation-list --authority sm2 --out sm2.crl --days 2");
    sealing.assert_list_is_signed(0);
    fs::copy(sealing.path("sm2/root.pem"), sealing.path("trust/sm2-own.pem")).unwrap();
    let config = fs::read_to_string(sealing.path("node.toml")).unwrap();
    assert!(config.contains("lists = [\"root.crl\"]"), "{config}");
    let config = config.replace("lists = [\"root.crl\"]", "lists = [\"root.crl\", \"sm2.crl\"]");
    fs::write(sealing.path("node.toml"), config).unwrap();
    for name in ["gjj", "seal-sm2"] {
        let config = fs::read_to_string(sealing.path("node.toml")).unwrap();
        sealing.seal_with(&format!(
            "certificate = \"{name}.pem\"\nkey = \"{name}.key\"\npassword = \"file:password\"\n"
        ));
        let (document, said) = sealing.issue().await;
        fs::write(sealing.path("node.toml"), config).unwrap();
        let report = sealing.verify(&document, "sm2/root");
        assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
        let signature = &report.signatures[0];
        assert_eq!(signature.algorithm.as_deref(), Some("SM2 SM3"));
        assert_eq!(signature.chain.len(), 2);
        let trusted: Vec<_> = report
            .signatures
            .iter()
            .map(|signature| (&signature.kind, signature.trusted))
            .collect();
        assert_eq!(
            trusted,
            [(&Kind::Seal, true), (&Kind::DocumentTimestamp, true)],
            "the level is B-LTA"
        );
        let known = &signature.revocations[0];
        assert_eq!(
            (known.status, known.source.as_deref()),
            (RevocationStatus::Good, Some("document"))
        );
        let told = report
            .findings
            .iter()
            .find(|finding| finding.code == "algorithm_sm2")
            .unwrap();
        assert!(told.message.en.contains("viewers"), "{}", told.message.en);
        assert_silent(&said, PASSWORD.as_bytes());
        // One byte of the page changed, and it is no longer what was sealed.
        let mut changed = document.clone();
        changed[200] ^= 1;
        assert_ne!(sealing.verify(&changed, "sm2/root").indication, Indication::TotalPassed);
    }

    // What the list says against a seal keeps its key from signing.
    sealing.seal_with("certificate = \"gjj.pem\"\nkey = \"gjj.key\"\npassword = \"file:password\"\n");
    sealing.yinxin("keys revocation-list --authority sm2 --out sm2.crl --revoke gjj.pem --days 2");
    sealing.assert_list_is_signed(1);
    let (answers, _) = sealing.ask().await;
    let revoked = Err("503 issuing_unavailable".to_owned());
    assert_eq!(answers, [revoked.clone(), revoked]);
    // So does a list that nobody of this name has signed.
    let list = fs::read_to_string(sealing.path("root.crl")).unwrap();
    fs::write(sealing.path("sm2.crl"), list).unwrap();
    let (answers, _) = sealing.ask().await;
    let unvouched = Err("503 revocation_data_unavailable".to_owned());
    assert_eq!(answers, [unvouched.clone(), unvouched]);
}
