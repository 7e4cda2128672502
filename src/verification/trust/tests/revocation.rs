//! CRLs and OCSP responses: whose word counts, and about what.

use std::{fs, process::Command};

use rcgen::{CrlDistributionPoint, CrlScope, CustomExtension};

use super::*;
use crate::verification::RevocationStatus;

struct Scene {
    root: Holder,
    signer: Holder,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl Fn(&mut CertificateParams)) -> Self {
        let root = Holder::root(authority_params("示例根"));
        let mut params = signer_params("示例签名者");
        change(&mut params);
        let signer = root.issue(params);
        Self { root, signer }
    }

    fn codes(&self, policy: RevocationPolicy, crls: Vec<Vec<u8>>) -> Vec<Code> {
        let trust = trusting(&[&self.root]).with_policy(policy);
        let mut ask = Ask::new(&trust, &self.signer);
        ask.crls = crls;
        ask.codes()
    }

    fn required(&self, crl: Vec<u8>) -> Vec<Code> {
        self.codes(RevocationPolicy::Required, vec![crl])
    }
}

use RevocationPolicy::{IfAvailable, Required};

#[test]
fn a_crl_that_does_not_name_it_says_that_it_is_not_revoked() {
    let scene = Scene::new();
    assert_eq!(scene.required(scene.root.crl(List::empty())), []);
    let trust = trusting(&[&scene.root]);
    let mut ask = Ask::new(&trust, &scene.signer);
    ask.crls = vec![scene.root.crl(List::empty())];
    let report = &ask.verdict().revocations[0];
    assert_eq!(report.status, RevocationStatus::Good);
    assert_eq!(
        (report.kind.as_deref(), report.source.as_deref()),
        (Some("crl"), Some("document"))
    );
    assert_eq!(report.this_update, Some(time("2026-06-01")));
}

#[test]
fn without_revocation_data_the_policy_decides() {
    let scene = Scene::new();
    assert_eq!(scene.codes(IfAvailable, Vec::new()), []);
    assert_eq!(scene.codes(Required, Vec::new()), [Code::RevocationMissing]);
    let trust = trusting(&[&scene.root]);
    let verdict = Ask::new(&trust, &scene.signer).verdict();
    assert_eq!(verdict.findings[0].0, Code::RevocationUnchecked);
    assert_eq!(verdict.revocations[0].status, RevocationStatus::Unknown);
}

#[test]
fn a_revoked_signer_is_found_by_either_policy() {
    let scene = Scene::new();
    let crl = scene
        .root
        .crl(List::revoking((2026, 5, 1), RevocationReason::KeyCompromise));
    assert_eq!(scene.codes(IfAvailable, vec![crl.clone()]), [Code::SignerRevoked]);
    assert_eq!(scene.codes(Required, vec![crl]), [Code::SignerRevoked]);
}

#[test]
fn a_revoked_authority_is_found() {
    let root = Holder::root(authority_params("示例根"));
    let mut params = authority_params("示例机构");
    params.serial_number = Some(SerialNumber::from(4711_u64));
    let between = root.issue(params);
    let signer = between.issue(signer_params("示例签名者"));
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.others = vec![&between];
    ask.crls = vec![root.crl(List::revoking((2026, 5, 1), RevocationReason::CaCompromise))];
    assert_eq!(ask.codes(), [Code::AuthorityRevoked]);
}

#[test]
fn a_signer_on_hold_is_for_later() {
    let scene = Scene::new();
    let hold = scene
        .root
        .crl(List::revoking((2026, 5, 1), RevocationReason::CertificateHold));
    assert_eq!(scene.codes(IfAvailable, vec![hold.clone()]), [Code::SignerOnHold]);
    // A newer CRL that no longer names it lifts the hold, an older one does not.
    let lifted = List {
        times: ((2026, 6, 10), (2026, 7, 1)),
        ..List::empty()
    };
    assert_eq!(scene.codes(IfAvailable, vec![hold.clone(), scene.root.crl(lifted)]), []);
    let older = List {
        times: ((2026, 4, 10), (2026, 7, 1)),
        ..List::empty()
    };
    assert_eq!(
        scene.codes(IfAvailable, vec![hold, scene.root.crl(older)]),
        [Code::SignerOnHold]
    );
}

#[test]
fn since_when_the_key_is_not_believed_counts_before_when_that_was_published() {
    let scene = Scene::new();
    let mut list = List::revoking((2026, 6, 20), RevocationReason::KeyCompromise);
    assert_eq!(scene.codes(IfAvailable, vec![scene.root.crl(list)]), []);
    list = List::revoking((2026, 6, 20), RevocationReason::KeyCompromise);
    list.revoked[0].invalidity_date = Some(date_time_ymd(2026, 5, 1));
    assert_eq!(
        scene.codes(IfAvailable, vec![scene.root.crl(list)]),
        [Code::SignerRevoked]
    );
}

#[test]
fn an_old_crl_says_nothing_of_today() {
    let scene = Scene::new();
    let old = List {
        times: ((2026, 1, 1), (2026, 2, 1)),
        ..List::empty()
    };
    let old = scene.root.crl(old);
    assert_eq!(scene.codes(IfAvailable, vec![old.clone()]), [Code::RevocationStale]);
    assert_eq!(scene.required(old), [Code::RevocationMissing]);
}

#[test]
fn only_the_issuer_revokes() {
    let scene = Scene::new();
    let revoking = || List::revoking((2026, 5, 1), RevocationReason::KeyCompromise);
    let stranger = Holder::root(authority_params("示例根"));
    assert_eq!(scene.required(stranger.crl(revoking())), [Code::RevocationMissing]);
    let mut broken = scene.root.crl(revoking());
    let last = broken.len() - 1;
    broken[last] ^= 1;
    assert_eq!(scene.required(broken), [Code::RevocationMissing]);
    // Another key of the same name counts where it leads to the same root, may sign CRLs, and is at hand.
    let trust = trusting(&[&scene.root]);
    for may in [true, false] {
        let mut params = authority_params("示例根");
        if !may {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }
        params.distinguished_name.push(DnType::OrganizationName, "甲");
        let other = scene.root.issue({
            params.distinguished_name = authority_params("示例根").distinguished_name;
            params
        });
        let crl = {
            let signing = Holder {
                der: other.der.clone(),
                issuer: Issuer::new(authority_params("示例根"), other.key()),
            };
            signing.crl(revoking())
        };
        let mut ask = Ask::new(&trust, &scene.signer);
        ask.others = vec![&other];
        ask.crls = vec![crl];
        assert_eq!(ask.codes(), if may { vec![Code::SignerRevoked] } else { vec![] });
    }
}

#[test]
fn an_authority_that_may_not_sign_crls_does_not() {
    let mut params = authority_params("示例根");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = Holder::root(params);
    let scene = Scene {
        signer: root.issue(signer_params("示例签名者")),
        root,
    };
    let signing = Holder {
        der: scene.root.der.clone(),
        issuer: Issuer::new(authority_params("示例根"), scene.root.key()),
    };
    assert_eq!(scene.required(signing.crl(List::empty())), [Code::RevocationMissing]);
}

#[test]
fn a_crl_counts_for_what_it_is_about() {
    let about = |scope: Option<CrlScope>, uri: &str| List {
        point: Some(CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint {
                uris: vec![uri.to_owned()],
            },
            scope,
        }),
        ..List::empty()
    };
    let scene = Scene::with(|params| {
        params.crl_distribution_points = vec![CrlDistributionPoint {
            uris: vec!["http://example.cn/a.crl".to_owned()],
        }];
    });
    let judge = |list| scene.required(scene.root.crl(list));
    assert_eq!(judge(about(None, "http://example.cn/a.crl")), []);
    assert_eq!(
        judge(about(Some(CrlScope::UserCertsOnly), "http://example.cn/a.crl")),
        []
    );
    assert_eq!(
        judge(about(Some(CrlScope::CaCertsOnly), "http://example.cn/a.crl")),
        [Code::RevocationMissing]
    );
    assert_eq!(judge(about(None, "http://example.cn/b.crl")), [Code::RevocationMissing]);
    // An X.509 certificate without a distribution point is not in the part that a partial CRL is about.
    let plain = Scene::new();
    let crl = plain.root.crl(about(None, "http://example.cn/a.crl"));
    assert_eq!(plain.required(crl), [Code::RevocationMissing]);
}

#[test]
fn a_delta_crl_and_one_with_an_unknown_critical_extension_are_refused() {
    let scene = Scene::new();
    // rcgen writes neither; openssl's `crl` section does.
    for (name, extension) in [
        ("delta", "2.5.29.27=critical,DER:020101"),
        ("critical", "1.3.6.1.4.1.99999.1=critical,DER:0500"),
        ("plain", "authorityKeyIdentifier=keyid"),
    ] {
        let folder = std::env::temp_dir().join(format!("yinxin-crl-{name}-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("ca.pem"), scene.root.pem()).unwrap();
        fs::write(folder.join("ca.key"), scene.root.key_pem()).unwrap();
        fs::write(folder.join("index.txt"), "").unwrap();
        fs::write(
            folder.join("openssl.cnf"),
            format!(
                "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\ncrl_extensions=ext\n[ext]\n{extension}\n"
            ),
        )
        .unwrap();
        let made = Command::new("openssl")
            .args([
                "ca",
                "-gencrl",
                "-config",
                "openssl.cnf",
                "-cert",
                "ca.pem",
                "-keyfile",
                "ca.key",
            ])
            .args([
                "-crl_lastupdate",
                "20260601000000Z",
                "-crl_nextupdate",
                "20260701000000Z",
            ])
            .args(["-out", "out.pem"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = fs::read_to_string(folder.join("out.pem")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
        let expected = if name == "plain" {
            vec![]
        } else {
            vec![Code::RevocationMissing]
        };
        assert_eq!(scene.required(der), expected, "{name}");
    }
}

/// What an OCSP responder is and says; openssl answers, as of now.
struct Responding<'a> {
    scene: &'a Scene,
    responder: &'a Holder,
    /// `V`, or `R` with when and why.
    state: &'a str,
    arguments: &'a [&'a str],
}

impl Responding<'_> {
    fn response(&self) -> Vec<u8> {
        self.response_for("1267")
    }

    /// `serial` is the number, hexadecimal, that the responder knows.
    fn response_for(&self, serial: &str) -> Vec<u8> {
        let folder = std::env::temp_dir().join(format!("yinxin-ocsp-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
        write("ca.pem", self.scene.root.pem());
        write("signer.pem", self.scene.signer.pem());
        write("responder.pem", self.responder.pem());
        write("responder.key", self.responder.key_pem());
        let (state, revoked) = self.state.split_once(' ').unwrap_or((self.state, ""));
        write(
            "index.txt",
            format!("{state}\t391231000000Z\t{revoked}\t{serial}\tunknown\t/CN=x\n"),
        );
        let made = Command::new("openssl")
            .args(["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-issuer", "ca.pem"])
            .args(["-rsigner", "responder.pem", "-rkey", "responder.key", "-ndays", "1"])
            .args(self.arguments)
            .args(["-cert", "signer.pem", "-respout", "out.der", "-noverify"])
            .current_dir(&folder)
            .output()
            .unwrap();
        let response = fs::read(folder.join("out.der"));
        fs::remove_dir_all(&folder).unwrap();
        response.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&made.stderr)))
    }

    fn codes(&self) -> Vec<Code> {
        let trust = trusting(&[&self.scene.root]).with_policy(Required);
        let mut ask = Ask::new(&trust, &self.scene.signer);
        ask.at = Timestamp::now();
        ask.responses = vec![self.response()];
        ask.codes()
    }
}

fn responder(issuer: &Holder, change: impl Fn(&mut CertificateParams)) -> Holder {
    let mut params = signer_params("示例应答者");
    params.serial_number = Some(SerialNumber::from(4712_u64));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    change(&mut params);
    issuer.issue(params)
}

#[test]
fn the_issuer_answers_itself_or_by_one_whom_it_has_authorised() {
    let scene = Scene::new();
    let delegate = responder(&scene.root, |_| {});
    for responder in [&scene.root, &delegate] {
        for arguments in [&[][..], &["-sha256"], &["-resp_key_id"]] {
            let ask = |state| Responding {
                scene: &scene,
                responder,
                state,
                arguments,
            };
            assert_eq!(ask("V").codes(), [], "{arguments:?}");
            assert_eq!(ask("R 260501000000Z,keyCompromise").codes(), [Code::SignerRevoked]);
            assert_eq!(ask("R 260501000000Z,certificateHold").codes(), [Code::SignerOnHold]);
        }
    }
}

#[test]
fn nobody_else_answers_for_the_issuer() {
    let scene = Scene::new();
    let stranger = Holder::root(authority_params("示例根"));
    let not_authorised = responder(&scene.root, |params| params.extended_key_usages.clear());
    let of_another = responder(&stranger, |_| {});
    let critical = responder(&scene.root, |params| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    });
    let expired = responder(&scene.root, |params| params.not_after = date_time_ymd(2021, 1, 1));
    for responder in [&not_authorised, &of_another, &critical, &expired] {
        let ask = Responding {
            scene: &scene,
            responder,
            state: "R 260501000000Z,keyCompromise",
            arguments: &[],
        };
        assert_eq!(ask.codes(), [Code::RevocationMissing]);
    }
}

#[test]
fn a_responder_that_is_revoked_is_not_believed_unless_it_need_not_be_checked() {
    let scene = Scene::new();
    for (no_check, expected) in [(false, vec![Code::RevocationMissing]), (true, vec![])] {
        let delegate = responder(&scene.root, |params| {
            params.serial_number = Some(SerialNumber::from(4711_u64));
            if no_check {
                let no_check = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0]);
                params.custom_extensions.push(no_check);
            }
        });
        // The CRL names 4711, which is the responder's number here; the signer has another.
        let signer = scene.root.issue({
            let mut params = signer_params("示例签名者");
            params.serial_number = Some(SerialNumber::from(0x1267_0000_u64));
            params
        });
        let own = Scene {
            root: Holder {
                der: scene.root.der.clone(),
                issuer: Issuer::new(authority_params("示例根"), scene.root.key()),
            },
            signer,
        };
        let response = Responding {
            scene: &own,
            responder: &delegate,
            state: "V",
            arguments: &[],
        };
        let answer = response.response_for("12670000");
        let trust = trusting(&[&own.root]).with_policy(Required);
        let mut ask = Ask::new(&trust, &own.signer);
        ask.at = Timestamp::now();
        let mut list = List::revoking((2026, 5, 1), RevocationReason::KeyCompromise);
        list.times = ((2026, 1, 1), (2026, 2, 1));
        ask.crls = vec![own.root.crl(list)];
        ask.responses = vec![answer];
        assert_eq!(ask.codes(), expected);
    }
}

#[test]
fn an_answer_about_another_and_one_that_knows_nothing_say_nothing() {
    let scene = Scene::new();
    let response = Responding {
        scene: &scene,
        responder: &scene.root,
        state: "V",
        arguments: &[],
    }
    .response();
    // Another signer of the same issuer.
    let other = scene.root.issue({
        let mut params = signer_params("另一示例签名者");
        params.serial_number = Some(SerialNumber::from(1_u64));
        params
    });
    let trust = trusting(&[&scene.root]).with_policy(Required);
    let mut ask = Ask::new(&trust, &other);
    ask.at = Timestamp::now();
    ask.responses = vec![response];
    assert_eq!(ask.codes(), [Code::RevocationMissing]);
    // A number that the index does not hold is answered with `unknown`.
    ask.responses = vec![
        Responding {
            scene: &Scene {
                root: Holder {
                    der: scene.root.der.clone(),
                    issuer: Issuer::new(authority_params("示例根"), scene.root.key()),
                },
                signer: Holder {
                    der: other.der.clone(),
                    issuer: Issuer::new(signer_params("另一示例签名者"), other.key()),
                },
            },
            responder: &scene.root,
            state: "V",
            arguments: &[],
        }
        .response(),
    ];
    assert_eq!(ask.codes(), [Code::RevocationMissing]);
}
