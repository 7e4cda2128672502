//! Seals of every level (EN 319 142-1), as others' tools judge them, and what is in them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use ring::rand::SystemRandom;
use yinxin::{
    certificate::{Level, LongTerm, Place, RevocationLists, SharedAnchors, TimestampSource, Timestamps},
    clock::ManualClock,
    formats::{
        cms,
        pdf::{DEFAULT_CONTENTS_BYTES, SealError, key_of, prepare},
        timestamp::{SIGNATURE_TIMESTAMP, Token},
    },
    keys::{Identity, TimestampAuthority},
    server::Fetcher,
    verification::{Indication, Trust},
};

use crate::{
    attacks::noon,
    command::Folder,
    judges::ask,
    pki::{Leaf, Root},
    sample::{seal_of, tiny},
};

pub const LEVELS: [Level; 4] = [Level::B, Level::T, Level::Lt, Level::Lta];

pub fn anchors(root: &Root) -> SharedAnchors {
    Arc::new(Trust::new(vec![root.der.clone()], noon()).unwrap())
}

/// No timestamps and no lists.
pub fn nothing(root: &Root, clock: &Arc<ManualClock>) -> LongTerm {
    LongTerm {
        timestamps: None,
        lists: None,
        roots: anchors(root),
        clock: clock.clone(),
    }
}

/// An authority of the root's own, in this process.
pub fn own_authority(root: &Root, clock: &Arc<ManualClock>) -> TimestampSource {
    let authority = TimestampAuthority::new(root.timestamps(true), clock.clone(), Arc::new(SystemRandom::new()));
    TimestampSource::Own(Arc::new(authority.unwrap()))
}

pub fn timestamps(root: &Root, clock: &Arc<ManualClock>, source: TimestampSource) -> Timestamps {
    Timestamps {
        source,
        roots: anchors(root),
        clock: clock.clone(),
        random: Arc::new(SystemRandom::new()),
    }
}

pub fn lists(places: Vec<Place>) -> RevocationLists {
    let second = Duration::from_secs(1);
    RevocationLists::new(places, Arc::new(Fetcher::new(None, second).unwrap()), second)
}

/// Everything, with lists from these places.
pub fn everything(root: &Root, clock: &Arc<ManualClock>, places: Vec<Place>) -> LongTerm {
    LongTerm {
        timestamps: Some(timestamps(root, clock, own_authority(root, clock))),
        lists: Some(lists(places)),
        ..nothing(root, clock)
    }
}

/// A small document, sealed.
pub async fn seal_at(level: Level, seal: &Identity, long_term: &LongTerm) -> Vec<u8> {
    seal_word_at(level, seal, long_term, "one").await
}

/// Likewise, of a document that says a word.
pub async fn seal_word_at(level: Level, seal: &Identity, long_term: &LongTerm, word: &str) -> Vec<u8> {
    let ready = long_term.ready(seal, level).await.unwrap();
    let mut dictionary = seal_of();
    dictionary.contents_bytes = long_term.contents_bytes(seal, level);
    let prepared = prepare(&tiny(word), &dictionary).unwrap();
    let signed = seal.sign(&prepared.bytes_to_sign()).unwrap();
    long_term.complete(prepared, signed, level, ready).await.unwrap()
}

/// A document of each level, in a folder with the root.
pub struct Sealed {
    pub folder: Folder,
    pub documents: Vec<(Level, Vec<u8>)>,
}

impl Sealed {
    pub async fn new() -> Self {
        let (folder, root) = (Folder::new(), Root::new("示例根"));
        let clock = ManualClock::at(noon());
        let list = folder.write("root.crl", &root.list(&[], (2026, 12, 1)));
        folder.write("root.pem", root.pem.as_bytes());
        let long_term = everything(&root, &clock, vec![Place::File(list)]);
        let seal = root.seal(&Leaf::default());
        let mut documents = Vec::new();
        for level in LEVELS {
            let document = seal_at(level, &seal, &long_term).await;
            folder.write(&format!("{}.pdf", level.as_str()), &document);
            documents.push((level, document));
        }
        Self { folder, documents }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    fn of(&self, level: Level) -> &[u8] {
        &self.documents.iter().find(|(of, _)| *of == level).unwrap().1
    }
}

/// The signatures of a document, oldest first: what each covers, and its whole `/Contents`.
pub fn signatures(document: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let find = |from: usize, what: &[u8]| {
        let place = document[from..].windows(what.len()).position(|window| window == what);
        place.map(|place| from + place)
    };
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(range) = find(at, b"/ByteRange [") {
        let end = find(range, b"]").unwrap();
        let numbers = String::from_utf8_lossy(&document[range + 12..end]).into_owned();
        let numbers: Vec<usize> = numbers
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        let [zero, before, after, rest] = numbers[..] else {
            panic!("{numbers:?}");
        };
        assert_eq!(zero, 0);
        let covered = [&document[..before], &document[after..after + rest]].concat();
        let contents = data_encoding::HEXLOWER
            .decode(&document[before + 1..after - 1])
            .unwrap();
        found.push((covered, contents));
        at = end;
    }
    found
}

/// The token in a seal, and the signature value that it is of.
pub fn signature_timestamp(contents: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (message, _) = cms::split(contents).unwrap();
    let message = cms::parse(message).unwrap();
    let [signer] = &message.signers[..] else {
        panic!("one signer");
    };
    let [attribute] = &signer.unsigned_attributes[..] else {
        panic!("one unsigned attribute");
    };
    assert_eq!((attribute.oid, attribute.values.len()), (SIGNATURE_TIMESTAMP, 1));
    (attribute.values[0].clone(), signer.signature.clone())
}

#[tokio::test]
async fn each_level_adds_what_it_should_and_changes_nothing_before() {
    let sealed = Sealed::new().await;
    let count = |level, what: &[u8]| {
        let document = sealed.of(level);
        document.windows(what.len()).filter(|window| *window == what).count()
    };
    for (level, signatures_in_it, revisions) in [
        (Level::B, 1, 2),
        (Level::T, 1, 2),
        (Level::Lt, 1, 3),
        (Level::Lta, 2, 4),
    ] {
        assert_eq!(signatures(sealed.of(level)).len(), signatures_in_it, "{level:?}");
        assert_eq!(count(level, b"%%EOF"), revisions, "{level:?}");
        assert!(sealed.of(level).starts_with(&tiny("one")), "{level:?}");
    }
    for (level, has) in [(Level::B, 0), (Level::T, 0), (Level::Lt, 1), (Level::Lta, 1)] {
        assert_eq!(count(level, b"/Type /DSS"), has, "{level:?}");
    }
    let document = sealed.of(Level::Lta);
    let all = signatures(document);
    assert_eq!(
        all[1].0.len() + 2 * all[1].1.len() + 2,
        document.len(),
        "the document timestamp covers all but itself"
    );
    let key = format!("/{} ", key_of(&all[0].1));
    assert_eq!(
        count(Level::Lta, key.as_bytes()),
        1,
        "the data are named by their signature"
    );
}

#[tokio::test]
async fn openssl_verifies_the_timestamps_of_signature_and_document() {
    let sealed = Sealed::new().await;
    for (level, document) in sealed.documents.iter().filter(|(level, _)| *level >= Level::T) {
        let all = signatures(document);
        let (token, value) = signature_timestamp(&all[0].1);
        let mut stamped = vec![("value", token, value)];
        if *level == Level::Lta {
            let (token, _) = cms::split(&all[1].1).unwrap();
            stamped.push(("document", token.to_vec(), all[1].0.clone()));
        }
        for (name, token, data) in stamped {
            assert_eq!(Token::parse(&token).unwrap().info.time, noon());
            sealed.folder.write("token", &token);
            sealed.folder.write("data", &data);
            let verify = |data: &str| {
                let mut command = Command::new("openssl");
                command.args([
                    "ts",
                    "-verify",
                    "-token_in",
                    "-in",
                    "token",
                    "-CAfile",
                    "root.pem",
                    "-data",
                    data,
                ]);
                ask(command.current_dir(&sealed.folder.0))
            };
            let (verified, text) = verify("data");
            assert!(
                verified && text.contains("Verification: OK"),
                "{level:?} {name}: {text}"
            );
            assert!(!verify("root.pem").0, "{level:?} {name}: other data must not verify");
        }
    }
}

#[tokio::test]
async fn qpdf_finds_nothing_wrong_at_any_level() {
    let sealed = Sealed::new().await;
    for level in LEVELS {
        let (content, text) = ask(Command::new("qpdf")
            .arg("--check")
            .arg(sealed.path(&format!("{}.pdf", level.as_str()))));
        assert!(content && !text.contains("WARNING"), "{level:?}: {text}");
    }
}

#[tokio::test]
async fn poppler_finds_the_seal_of_every_level_valid_and_trusted() {
    let sealed = Sealed::new().await;
    let store = sealed.path("nss");
    std::fs::create_dir(&store).unwrap();
    let database = format!("sql:{}", store.display());
    let mut add = Command::new("certutil");
    let (made, text) = ask(Command::new("certutil").args(["-N", "--empty-password", "-d", &database]));
    assert!(made, "{text}");
    add.args(["-A", "-n", "root", "-t", "C,C,C", "-d", &database, "-i"]);
    let (added, text) = ask(add.arg(sealed.path("root.pem")));
    assert!(added, "{text}");
    for level in LEVELS {
        let mut command = Command::new("pdfsig");
        let file = sealed.path(&format!("{}.pdf", level.as_str()));
        let (_, text) = ask(command.arg("-nssdir").arg(&store).arg(file));
        let seal = text.split("Signature #2").next().unwrap();
        for fact in ["Signature is Valid.", "Certificate is Trusted."] {
            assert!(seal.contains(fact), "{level:?}: {fact} is not in: {text}");
        }
        if level == Level::Lta {
            // Poppler 22.12 finds a document timestamp and says that it cannot judge one.
            let timestamp = text.split("Signature #2").nth(1).expect(&text);
            assert!(timestamp.contains("Total document signed"), "{text}");
        }
    }
}

#[tokio::test]
async fn pyhanko_passes_every_level_at_that_level() {
    let sealed = Sealed::new().await;
    for level in LEVELS {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = std::env::var_os("YINXIN_TEST_PYTHON").expect("tests/run sets YINXIN_TEST_PYTHON");
        let mut command = Command::new(python);
        command.arg(manifest.join("tests/formats/judges/pyhanko_levels.py"));
        command.arg(sealed.path(&format!("{}.pdf", level.as_str())));
        let (content, text) = ask(command.arg(sealed.path("root.pem")).arg(level.as_str()));
        assert!(content, "{level:?}: {text}");
        let mut facts = vec!["valid True intact True trusted True", "docmdp True", "bottom_line True"];
        match level {
            Level::B => facts.push("coverage ENTIRE_FILE"),
            Level::T => facts.extend(["coverage ENTIRE_FILE", "timestamp valid True trusted True"]),
            Level::Lt => facts.extend([
                "coverage ENTIRE_REVISION modification LTA_UPDATES",
                "timestamp valid True trusted True",
                "dss certs 3 crls 1 vri 1",
            ]),
            Level::Lta => facts.extend([
                "coverage ENTIRE_REVISION modification LTA_UPDATES",
                "timestamp valid True trusted True",
                "document_timestamp valid True trusted True coverage ENTIRE_FILE",
                "ades_lta PASSED",
            ]),
        }
        for fact in facts {
            assert!(text.contains(fact), "{level:?}: {fact} is not in: {text}");
        }
    }
}

#[tokio::test]
async fn our_own_verifier_passes_every_level() {
    let root = Root::new("示例根");
    let (folder, clock) = (Folder::new(), ManualClock::at(noon()));
    let list = folder.write("root.crl", &root.list(&[], (2026, 12, 1)));
    let long_term = everything(&root, &clock, vec![Place::File(list)]);
    let seal = root.seal(&Leaf::default());
    for level in LEVELS {
        let document = seal_at(level, &seal, &long_term).await;
        let report = root.verifier().verify(&document, None, noon());
        assert_eq!(
            (report.indication, report.modified_after_signing),
            (Indication::TotalPassed, Some(false)),
            "{level:?}: {:?}",
            report.findings
        );
    }
}

#[tokio::test]
async fn the_room_for_a_seal_takes_the_longest_chain_with_a_timestamp_and_is_never_cut() {
    let folder = Folder::new();
    let root = Root::new("示例根");
    let clock = ManualClock::at(noon());
    let list = folder.write("root.crl", &root.list(&[], (2026, 12, 1)));
    let long_term = everything(&root, &clock, vec![Place::File(list)]);
    let short = root.seal(&Leaf::default());
    assert_eq!(long_term.contents_bytes(&short, Level::B), DEFAULT_CONTENTS_BYTES);

    // Ten certificates with names as long as some real ones have: the chain alone is larger than the usual room.
    let mut long = root.seal(&Leaf::default());
    while long.chain.len() < yinxin::keys::MAX_CHAIN {
        let padding = Root::with_alternative_names(&format!("示例中间 {}", long.chain.len()), 100);
        long.chain.push(padding.der);
    }
    let chain: usize = long.chain.iter().map(|link| link.len()).sum();
    assert!(chain > DEFAULT_CONTENTS_BYTES, "{chain}");
    for level in LEVELS {
        let document = seal_at(level, &long, &long_term).await;
        let (_, contents) = &signatures(&document)[0];
        assert_eq!(contents.len(), long_term.contents_bytes(&long, level));
        let (message, rest) = cms::split(contents).unwrap();
        assert!(rest.iter().all(|byte| *byte == 0) && !rest.is_empty());
        assert!(message.len() > chain);
    }

    let mut dictionary = seal_of();
    dictionary.contents_bytes = 1_000;
    let prepared = prepare(&tiny("one"), &dictionary).unwrap();
    let signed = short.sign(&prepared.bytes_to_sign()).unwrap().to_der().unwrap();
    assert!(matches!(
        prepared.finish(&[signed, vec![0; 1_000]].concat()),
        Err(SealError::TooLong { reserved: 1_000, .. })
    ));
}
