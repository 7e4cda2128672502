//! RFC 5280 6.1: which chains hold.

use std::str::FromStr;

use rcgen::{CustomExtension, GeneralSubtree, NameConstraints, SanType};

use super::*;

/// A root, an authority below it, and a signer below that; each may be changed before it is made.
fn codes_of(
    root: impl Fn(&mut CertificateParams),
    between: impl Fn(&mut CertificateParams),
    signer: impl Fn(&mut CertificateParams),
) -> Vec<Code> {
    let mut own = authority_params("示例根");
    root(&mut own);
    let root = Holder::root(own);
    let mut own = authority_params("示例机构");
    between(&mut own);
    let between = root.issue(own);
    let mut own = signer_params("示例签名者");
    signer(&mut own);
    let signer = between.issue(own);
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.others = vec![&between];
    ask.codes()
}

fn same(_: &mut CertificateParams) {}

#[test]
fn a_chain_through_an_authority_holds() {
    assert_eq!(codes_of(same, same, same), []);
}

#[test]
fn a_chain_without_its_middle_leads_nowhere() {
    let root = Holder::root(authority_params("示例根"));
    let signer = root
        .issue(authority_params("示例机构"))
        .issue(signer_params("示例签名者"));
    let trust = trusting(&[&root]);
    assert_eq!(Ask::new(&trust, &signer).codes(), [Code::Untrusted]);
}

#[test]
fn an_authority_of_the_same_name_with_another_key_is_another() {
    let (root, other) = (
        Holder::root(authority_params("示例根")),
        Holder::root(authority_params("示例根")),
    );
    let signer = other.issue(signer_params("示例签名者"));
    assert_eq!(Ask::new(&trusting(&[&root]), &signer).codes(), [Code::Untrusted]);
}

#[test]
fn who_is_no_authority_issues_nothing() {
    let is_none = |params: &mut CertificateParams| params.is_ca = IsCa::ExplicitNoCa;
    let says_nothing = |params: &mut CertificateParams| params.is_ca = IsCa::NoCa;
    assert_eq!(codes_of(same, is_none, same), [Code::ChainWrong]);
    assert_eq!(codes_of(same, says_nothing, same), [Code::ChainWrong]);
    assert_eq!(codes_of(is_none, same, same), [Code::ChainWrong]);
    let may_not = |params: &mut CertificateParams| params.key_usages = vec![KeyUsagePurpose::CrlSign];
    assert_eq!(codes_of(same, may_not, same), [Code::ChainWrong]);
    assert_eq!(codes_of(may_not, same, same), [Code::ChainWrong]);
}

#[test]
fn a_chain_is_no_longer_than_its_authorities_allow() {
    let none_below = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let one_below = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    assert_eq!(codes_of(none_below, same, same), [Code::ChainWrong]);
    assert_eq!(codes_of(one_below, same, same), []);
    assert_eq!(codes_of(same, none_below, same), []);
}

#[test]
fn a_critical_extension_that_is_not_known_breaks_a_chain() {
    let adds = |critical: bool| {
        move |params: &mut CertificateParams| {
            let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
            extension.set_criticality(critical);
            params.custom_extensions.push(extension);
        }
    };
    assert_eq!(codes_of(same, same, adds(true)), [Code::ChainWrong]);
    assert_eq!(codes_of(same, adds(true), same), [Code::ChainWrong]);
    assert_eq!(codes_of(same, adds(false), adds(false)), []);
}

#[test]
fn a_key_is_used_for_what_it_is_for() {
    let for_servers = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let for_documents = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![purpose(&[1, 3, 6, 1, 5, 5, 7, 3, 36])];
    };
    let any = |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    assert_eq!(codes_of(same, same, for_servers), [Code::KeyPurpose]);
    assert_eq!(codes_of(same, for_servers, same), [Code::KeyPurpose]);
    assert_eq!(codes_of(any, for_documents, for_documents), []);
    let encrypts = |params: &mut CertificateParams| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    assert_eq!(codes_of(same, same, encrypts), [Code::KeyUsage]);
}

#[test]
fn an_authority_for_some_names_vouches_for_no_others() {
    let mail = |address: &'static str| {
        move |params: &mut CertificateParams| {
            params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().unwrap())];
        }
    };
    let only = |permitted: bool| {
        move |params: &mut CertificateParams| {
            let tree = vec![GeneralSubtree::Rfc822Name("example.gov.cn".to_owned())];
            params.name_constraints = Some(if permitted {
                NameConstraints {
                    permitted_subtrees: tree,
                    excluded_subtrees: Vec::new(),
                }
            } else {
                NameConstraints {
                    permitted_subtrees: Vec::new(),
                    excluded_subtrees: tree,
                }
            });
        }
    };
    let (inside, outside) = (mail("seal@example.gov.cn"), mail("seal@example.org"));
    assert_eq!(codes_of(same, only(true), inside), []);
    assert_eq!(codes_of(same, only(true), outside), [Code::ChainWrong]);
    assert_eq!(codes_of(same, only(false), inside), [Code::ChainWrong]);
    assert_eq!(codes_of(same, only(false), outside), []);
    // A root's own constraints count as well, though RFC 5280 leaves them to whoever trusts it.
    assert_eq!(codes_of(only(true), same, outside), [Code::ChainWrong]);
    let other_country = |params: &mut CertificateParams| {
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, "XX");
        let tree = vec![GeneralSubtree::DirectoryName(name)];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: tree,
            excluded_subtrees: Vec::new(),
        });
    };
    assert_eq!(codes_of(same, other_country, same), [Code::ChainWrong]);
}

/// `certificatePolicies` with one policy, and `policyConstraints` with `requireExplicitPolicy` 0.
fn policy(params: &mut CertificateParams, last: u8) {
    let der = vec![0x30, 0x07, 0x30, 0x05, 0x06, 0x03, 0x2A, 0x03, last];
    params
        .custom_extensions
        .push(CustomExtension::from_oid_content(&[2, 5, 29, 32], der));
}

fn demand(params: &mut CertificateParams) {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 0x03, 0x80, 0x01, 0x00]);
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
}

#[test]
fn a_policy_that_an_authority_demands_holds_all_the_way_down() {
    let demands = |params: &mut CertificateParams| {
        demand(params);
        policy(params, 4);
    };
    let has = |last: u8| move |params: &mut CertificateParams| policy(params, last);
    assert_eq!(codes_of(same, demands, has(4)), []);
    assert_eq!(codes_of(same, demands, has(5)), [Code::ChainWrong]);
    assert_eq!(codes_of(same, demands, same), [Code::ChainWrong]);
    assert_eq!(codes_of(same, has(4), has(5)), []);
    let maps = |params: &mut CertificateParams| {
        demand(params);
        policy(params, 4);
        let pair = [0x06, 0x03, 0x2A, 0x03, 4, 0x06, 0x03, 0x2A, 0x03, 5];
        let der = [&[0x30, 0x0C, 0x30, 0x0A], pair.as_slice()].concat();
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(&[2, 5, 29, 33], der));
    };
    assert_eq!(codes_of(same, maps, has(5)), []);
    assert_eq!(codes_of(same, maps, has(4)), [Code::ChainWrong]);
}

#[test]
fn authorities_that_vouch_for_each_other_end_the_search() {
    let (one, two) = (
        Holder::root(authority_params("示例甲")),
        Holder::root(authority_params("示例乙")),
    );
    let one_by_two = two.issue_for(authority_params("示例甲"), one.key());
    let two_by_one = one.issue_for(authority_params("示例乙"), two.key());
    let signer = one.issue(signer_params("示例签名者"));
    let root = Holder::root(authority_params("示例根"));
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.others = vec![&one_by_two, &two_by_one, &one, &two];
    assert_eq!(ask.codes(), [Code::Untrusted]);
    // By the way through the other it leads to a root that is trusted.
    let two_by_root = root.issue_for(authority_params("示例乙"), two.key());
    ask.others.push(&two_by_root);
    assert_eq!(ask.codes(), []);
}

#[test]
fn the_search_for_a_chain_is_bounded() {
    let mut last = Holder::root(authority_params("示例根"));
    let trust = trusting(&[&last]);
    let mut all = Vec::new();
    for height in 0..MAX_CHAIN {
        let next = last.issue(authority_params(&format!("示例机构{height}")));
        all.push(std::mem::replace(&mut last, next));
    }
    let signer = last.issue(signer_params("示例签名者"));
    let mut ask = Ask::new(&trust, &signer);
    ask.others = all.iter().chain([&last]).collect();
    assert_eq!(ask.codes(), [Code::Untrusted]);

    // Many of one name, none of which has signed.
    let mut many: Vec<_> = (0..=MAX_CHECKS_OF_CHAIN)
        .map(|_| Holder::root(authority_params("示例机构")))
        .collect();
    let signer = many.pop().unwrap().issue(signer_params("示例签名者"));
    let mut ask = Ask::new(&trust, &signer);
    ask.others = many.iter().collect();
    ask.others.pop();
    assert_eq!(ask.codes(), [Code::Untrusted]);
    let more: Vec<_> = (0..3).map(|_| Holder::root(authority_params("示例机构"))).collect();
    ask.others = many.iter().chain(&more).collect();
    assert_eq!(ask.codes(), [Code::LimitExceeded]);
}

#[test]
fn a_signature_that_is_not_computed_any_more_is_told() {
    let root = Holder::root(authority_params("示例根"));
    let trust = trusting(&[&root]);
    let mut material = Material::new(&trust, time("2026-11-01"));
    let all: Vec<_> = (0..24)
        .map(|_| Holder::root(authority_params("示例机构")))
        .filter_map(|holder| material.pool.add(&holder.der))
        .collect();
    let pairs = all.iter().flat_map(|one| all.iter().map(move |other| (one, other)));
    for (count, (one, other)) in pairs.enumerate() {
        assert_eq!(material.limit(), (count > MAX_CHECKS).then_some("MAX_CHECKS"));
        material.pool.check(&one.signed, other);
    }
    assert_eq!(material.limit(), Some("MAX_CHECKS"));
}

#[test]
fn a_name_is_the_same_in_another_spelling() {
    let root = Holder::root(authority_params("Example Root"));
    let respelled = Holder::root({
        let mut params = authority_params("EXAMPLE  root");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "cn");
        params.distinguished_name.push(
            DnType::CommonName,
            rcgen::DnValue::PrintableString(rcgen::string::PrintableString::from_str("EXAMPLE  root").unwrap()),
        );
        params
    });
    assert_eq!(arc(&root).subject, arc(&respelled).subject);
    assert_ne!(
        arc(&root).subject,
        arc(&Holder::root(authority_params("Example Roots"))).subject
    );
}

#[test]
fn a_timestamping_authority_is_for_that_alone_and_says_so_critically() {
    let root = Holder::root(authority_params("示例根"));
    let trust = trusting(&[&root]);
    let judge = |critical: bool, purposes: &[u8]| {
        let mut params = signer_params("示例时间戳");
        let body: Vec<u8> = purposes
            .iter()
            .flat_map(|last| [0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, *last])
            .collect();
        let der = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 37], der);
        extension.set_criticality(critical);
        params.custom_extensions.push(extension);
        let authority = root.issue(params);
        let mut ask = Ask::new(&trust, &authority);
        ask.purpose = Purpose::Timestamp;
        ask.codes()
    };
    assert_eq!(judge(true, &[8]), []);
    assert_eq!(judge(false, &[8]), [Code::KeyPurpose]);
    assert_eq!(judge(true, &[8, 36]), [Code::KeyPurpose]);
    assert_eq!(judge(true, &[36]), [Code::KeyPurpose]);
}
