#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::{
    case::CaseStatus,
    catalogue::{Catalogue, CatalogueStore, Grant, ResourceStatus, StoreFault},
    clock::ManualClock,
    department::{Department, System},
    ids::{CaseId, GrantId, ItemCode, PseudonymKey, ResourceCode, SpkiThumbprint, SubjectId},
};

struct Kept(Mutex<(Vec<Resource>, Vec<Grant>)>);

impl CatalogueStore for Kept {
    fn load(&self) -> BoxFuture<'_, Result<(Vec<Resource>, Vec<Grant>), StoreFault>> {
        let state = self.0.lock().unwrap().clone();
        Box::pin(async { Ok(state) })
    }

    fn put_resource<'a>(&'a self, resource: &'a Resource) -> BoxFuture<'a, Result<(), StoreFault>> {
        let mut state = self.0.lock().unwrap();
        state.0.retain(|r| r.code != resource.code);
        state.0.push(resource.clone());
        Box::pin(async { Ok(()) })
    }

    fn put_grant<'a>(&'a self, grant: &'a Grant) -> BoxFuture<'a, Result<(), StoreFault>> {
        let mut state = self.0.lock().unwrap();
        state.1.retain(|g| g.id != grant.id);
        state.1.push(grant.clone());
        Box::pin(async { Ok(()) })
    }

    fn replace_dataset<'a>(
        &'a self,
        _: &'a ResourceCode,
        _: Vec<(Pseudonym, Vec<u8>)>,
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async { Err("no datasets here".into()) })
    }

    fn dataset_rows<'a>(
        &'a self,
        _: &'a ResourceCode,
        _: &'a Pseudonym,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, StoreFault>> {
        Box::pin(async { Err("no datasets here".into()) })
    }
}

/// A window that was granted three fields of the insurance resource, of which its service item needs two and another.
struct World {
    policy: Policy,
    catalogue: Catalogue,
    clock: Arc<ManualClock>,
    caller: Caller,
    operator: OperatorId,
    case: Case,
    item: ServiceItem,
    subject: Pseudonym,
}

fn pseudonym(number: &str) -> Pseudonym {
    PseudonymKey::new(&[7; 32]).pseudonym(&SubjectId::parse("citizen_id", number).unwrap())
}

fn resource(code: &str, sharing: &str) -> Resource {
    let item = |name: &str, mask: &str| json!({"name": name, "title": name, "type": "text", "sensitivity": "personal", "mask": mask});
    serde_json::from_value(json!({
        "code": code, "name": "社会保险参保信息", "classification": {"class": "A", "category": "B", "section": "C"},
        "provider": "hr", "provider_name": "人社局", "provider_credit_code": "11100000000013338W",
        "summary": "s", "format": "database",
        "items": [item("name", "name"), item("id_number", "id_number"), item("status", "none"), item("base", "none")],
        "sharing": {"kind": sharing, "conditions": "依申请", "mode": "query_and_verify"},
        "opening": {"open": false}, "update_cycle": "daily", "published_on": null, "status": "published",
        "updated_at": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn grant(id: &str) -> Grant {
    serde_json::from_value(json!({
        "id": id, "grantee": "window", "resource": "insurance",
        "fields": [{"name": "name"}, {"name": "status"}, {"name": "id_number", "mask": "full"}],
        "service_items": ["proof"], "certificates": ["social-insurance"], "basis": "社会保险法",
        "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z",
    }))
    .unwrap()
}

impl World {
    async fn new(grants: Vec<Grant>) -> Self {
        let clock = ManualClock::at("2026-06-01T00:00:00Z".parse().unwrap());
        let resources = vec![
            resource("insurance", "conditional"),
            resource("marriage", "unconditional"),
        ];
        let store = Arc::new(Kept(Mutex::new((resources, grants))));
        let department: Department = serde_json::from_value(json!({
            "id": "window", "name": "政务服务中心", "credit_code": "11430000006122244L", "division": "653125"
        }))
        .unwrap();
        let system: System = serde_json::from_value(json!({
            "id": "window-system", "department": "window", "name": "窗口系统", "permissions": ["query"]
        }))
        .unwrap();
        let subject = pseudonym("653199199003070015");
        Self {
            policy: Policy::built_in().unwrap(),
            catalogue: Catalogue::open(store, clock.clone()).await.unwrap(),
            clock,
            caller: Caller {
                system: Arc::new(system),
                department: Arc::new(department.clone()),
                thumbprint: SpkiThumbprint([1; 32]),
            },
            operator: OperatorId::parse("001").unwrap(),
            case: Case {
                id: CaseId::parse("c1").unwrap(),
                item: ItemCode::parse("proof").unwrap(),
                department: department.id,
                opened_by: "window-system".parse().unwrap(),
                operator: "001".parse().unwrap(),
                applicant: subject.clone(),
                status: CaseStatus::Open,
                opened_at: Timestamp::UNIX_EPOCH,
                closed_at: None,
                events: Vec::new(),
            },
            item: serde_json::from_value(json!({
                "code": "proof", "name": "参保证明",
                "needs": [
                    {"resource": "insurance", "fields": ["name", "id_number", "base"]},
                    {"resource": "marriage", "fields": ["status"]},
                ],
                "certificates": ["social-insurance"],
            }))
            .unwrap(),
            subject,
        }
    }

    fn ask(&self, action: Action<'_>, code: &str, fields: &[&str]) -> Decision {
        let resource = self.catalogue.resource(&code.parse().unwrap()).unwrap();
        let fields: Vec<FieldName> = fields.iter().map(|f| f.parse().unwrap()).collect();
        self.policy
            .decide(
                &Question {
                    action,
                    caller: &self.caller,
                    operator: &self.operator,
                    case: &self.case,
                    item: &self.item,
                    resource: &resource,
                    subject: &self.subject,
                    fields: &fields,
                },
                &self.catalogue,
            )
            .unwrap()
    }

    fn query(&self, fields: &[&str]) -> Decision {
        self.ask(Action::Query, "insurance", fields)
    }

    async fn change(&self, code: &str, change: impl FnOnce(&mut Resource)) {
        let mut resource = (*self.catalogue.resource(&code.parse().unwrap()).unwrap()).clone();
        change(&mut resource);
        let provider = resource.provider.clone();
        if let Some(status) = Some(resource.status).filter(|s| *s != ResourceStatus::Published) {
            self.catalogue
                .change_status(&provider, &resource.code, status)
                .await
                .unwrap();
        } else {
            self.catalogue.update(&provider, resource).await.unwrap();
        }
    }
}

fn permit(fields: &[(&str, Mask)], grants: &[&str]) -> Decision {
    Decision::Permit {
        fields: fields
            .iter()
            .map(|(name, mask)| AllowedField {
                name: name.parse().unwrap(),
                mask: *mask,
            })
            .collect(),
        grants: grants.iter().map(|g| GrantId::parse(g).unwrap()).collect(),
    }
}

#[tokio::test]
async fn what_is_granted_and_needed_is_allowed_with_the_mask_of_the_grant_or_the_item() {
    let world = World::new(vec![grant("g1")]).await;
    let all = permit(&[("name", Mask::Name), ("id_number", Mask::Full)], &["g1"]);
    assert_eq!(world.query(&[]), all);
    assert_eq!(world.query(&["id_number", "name", "name"]), all);
    assert_eq!(world.query(&["name"]), permit(&[("name", Mask::Name)], &["g1"]));
    assert_eq!(
        world.ask(Action::Verify, "insurance", &["name"]),
        permit(&[("name", Mask::Name)], &["g1"])
    );
}

#[tokio::test]
async fn a_field_that_is_granted_but_not_needed_or_needed_but_not_granted_is_refused() {
    let world = World::new(vec![grant("g1")]).await;
    for name in ["status", "base"] {
        let refused = Refusal::FieldNotGranted(name.parse().unwrap());
        assert_eq!(world.query(&["name", name]), Decision::Refuse(refused));
    }
    let unknown = Refusal::UnknownField("salary".parse().unwrap());
    assert_eq!(world.query(&["base", "salary"]), Decision::Refuse(unknown));
}

#[tokio::test]
async fn of_two_grants_the_mask_that_opens_most_counts() {
    let mut open = grant("g2");
    open.fields.retain(|f| f.name.as_str() == "id_number");
    open.fields[0].mask = Some(Mask::None);
    let world = World::new(vec![grant("g1"), open]).await;
    assert_eq!(
        world.query(&[]),
        permit(&[("name", Mask::Name), ("id_number", Mask::None)], &["g1", "g2"])
    );
}

#[tokio::test]
async fn each_guardrail_refuses_with_its_own_reason() {
    let mut world = World::new(vec![grant("g1")]).await;
    let refused = |world: &World| match world.query(&[]) {
        Decision::Refuse(refusal) => refusal,
        permit @ Decision::Permit { .. } => panic!("{permit:?}"),
    };

    world
        .change("insurance", |r| {
            r.sharing.mode = crate::catalogue::SharingMode::VerifyOnly
        })
        .await;
    assert_eq!(refused(&world), Refusal::VerifyOnly);
    assert!(matches!(
        world.ask(Action::Verify, "insurance", &["name"]),
        Decision::Permit { .. }
    ));
    world
        .change("insurance", |r| {
            r.sharing.kind = crate::catalogue::SharingKind::Prohibited
        })
        .await;
    assert_eq!(refused(&world), Refusal::ResourceProhibited);
    world
        .change("insurance", |r| r.status = ResourceStatus::Suspended)
        .await;
    assert_eq!(refused(&world), Refusal::ResourceNotPublished);
    world.subject = pseudonym("653199199003070023");
    assert_eq!(refused(&world), Refusal::SubjectNotApplicant);
    world.case.department = "another".parse().unwrap();
    assert_eq!(refused(&world), Refusal::CaseOfAnotherDepartment);
    world.case.status = CaseStatus::Closed;
    assert_eq!(refused(&world), Refusal::CaseClosed);
}

#[tokio::test]
async fn an_item_that_does_not_need_the_resource_is_refused_whatever_was_granted() {
    let mut world = World::new(vec![grant("g1")]).await;
    world.item.needs.retain(|need| need.resource.as_str() != "insurance");
    assert_eq!(world.query(&[]), Decision::Refuse(Refusal::ItemDoesNotNeedResource));
}

#[tokio::test]
async fn a_grant_that_expires_or_is_withdrawn_is_told_apart_from_none() {
    let world = World::new(vec![grant("g1")]).await;
    let mut other = grant("g2");
    other.service_items = vec!["another".parse().unwrap()];
    world.catalogue.put_grant(&other).await.unwrap();
    assert!(matches!(world.query(&[]), Decision::Permit { .. }));

    world
        .catalogue
        .withdraw_grant(&"hr".parse().unwrap(), &"g1".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(world.query(&[]), Decision::Refuse(Refusal::GrantWithdrawn));

    world.catalogue.put_grant(&grant("g1")).await.unwrap();
    world.clock.advance(Duration::from_hours(24 * 365));
    assert_eq!(world.query(&[]), Decision::Refuse(Refusal::GrantExpired));

    assert_eq!(
        World::new(vec![other]).await.query(&[]),
        Decision::Refuse(Refusal::NoGrant)
    );
}

#[tokio::test]
async fn an_unconditional_resource_needs_a_purpose_but_no_grant() {
    let mut world = World::new(Vec::new()).await;
    let marriage = |world: &World, fields: &[&str]| world.ask(Action::Query, "marriage", fields);
    assert_eq!(marriage(&world, &[]), permit(&[("status", Mask::None)], &[]));
    let not_needed = Refusal::FieldNotGranted("name".parse().unwrap());
    assert_eq!(marriage(&world, &["name"]), Decision::Refuse(not_needed));
    world.item.needs.clear();
    assert_eq!(
        marriage(&world, &[]),
        Decision::Refuse(Refusal::ItemDoesNotNeedResource)
    );
}

#[tokio::test]
async fn a_certificate_needs_a_grant_and_a_service_item_that_list_its_type() {
    let mut world = World::new(vec![grant("g1")]).await;
    let listed = CertificateType::parse("social-insurance").unwrap();
    let other = CertificateType::parse("other").unwrap();
    assert_eq!(
        world.ask(Action::Issue(&listed), "insurance", &["base", "id_number"]),
        permit(&[("id_number", Mask::None), ("base", Mask::None)], &["g1"])
    );
    assert_eq!(
        world.ask(Action::Issue(&other), "insurance", &["base"]),
        Decision::Refuse(Refusal::ItemDoesNotIssueCertificate)
    );
    world.item.certificates.push(other.clone());
    assert_eq!(
        world.ask(Action::Issue(&other), "insurance", &["base"]),
        Decision::Refuse(Refusal::NoGrant)
    );
    assert_eq!(
        world.ask(Action::Issue(&listed), "marriage", &["status"]),
        Decision::Refuse(Refusal::NoGrant)
    );
}

#[tokio::test]
async fn a_service_item_other_than_the_cases_is_no_question() {
    let mut world = World::new(vec![grant("g1")]).await;
    world.item.code = "another".parse().unwrap();
    let resource = world.catalogue.resource(&"insurance".parse().unwrap()).unwrap();
    let answer = world.policy.decide(
        &Question {
            action: Action::Query,
            caller: &world.caller,
            operator: &world.operator,
            case: &world.case,
            item: &world.item,
            resource: &resource,
            subject: &world.subject,
            fields: &[],
        },
        &world.catalogue,
    );
    assert!(matches!(answer, Err(PolicyError::Question(_))));
}

/// The clock stands still: whatever is answered here was asked in one second.
#[tokio::test]
async fn a_guardrail_that_looks_at_a_person_is_asked_of_every_person() {
    let folder = tempfolder();
    let mut world = World::new(vec![grant("g1")]).await;
    let (watched, other) = (pseudonym("653199199003070023"), pseudonym("653199199003070015"));
    let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy");
    std::fs::copy(config.join("schema.cedarschema"), folder.join("schema.cedarschema")).unwrap();
    let built_in = std::fs::read_to_string(config.join("guardrails.cedar")).unwrap();
    let forbid = |code: &str, condition: &str| {
        format!("@code(\"{code}\") forbid (principal, action, resource) when {{ {condition} }};\n")
    };
    let added = format!(
        "{built_in}\n{}{}",
        forbid(
            "protected_person",
            &format!("context.subject == \"{}\"", watched.as_str())
        ),
        forbid("suspended_operator", "context.operator == \"013\""),
    );
    std::fs::write(folder.join("guardrails.cedar"), added).unwrap();
    world.policy = Policy::from_folder(&folder).unwrap();
    std::fs::remove_dir_all(folder).unwrap();

    let guardrail = |code: &str| Decision::Refuse(Refusal::Guardrail(code.to_owned()));
    for (subject, operator, expected) in [
        (&other, "001", None),
        (&watched, "001", Some("protected_person")),
        (&other, "001", None),
        (&other, "013", Some("suspended_operator")),
    ] {
        world.subject = subject.clone();
        world.case.applicant = subject.clone();
        world.operator = OperatorId::parse(operator).unwrap();
        match expected {
            Some(code) => assert_eq!(world.query(&[]), guardrail(code)),
            None => assert!(matches!(world.query(&[]), Decision::Permit { .. })),
        }
    }
}

fn tempfolder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("yinxin-policy-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    folder
}
