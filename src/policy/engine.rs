use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
    str::FromStr,
    sync::Arc,
};

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, RestrictedExpression as Value,
};

use super::{
    Action, AllowedField, Decision, PolicyError, Question, Refusal,
    memo::{self, Memo},
    rules::{Guardrails, whole_seconds_ms},
};
use crate::{
    case::CaseStatus,
    catalogue::{Catalogue, DataItem, Grant, Mask, Resource, ResourceStatus, SharingKind, SharingMode, Snapshot},
    ids::{DepartmentId, FieldName, ResourceCode, SystemId},
    kept::Kept,
};

/// How many policy sets are kept, one for each system and resource that it asks for.
const KEPT_SETS: usize = 10_000;

/// Decides. Cedar is linear in the policies of a set, so that a set holds the guardrails and what its department was
/// granted of one resource; it is made again when the catalogue has changed.
pub struct Policy {
    guardrails: Guardrails,
    authorizer: Authorizer,
    names: Names,
    sets: Kept<(SystemId, ResourceCode), Arc<Compiled>>,
}

/// What is the same for every question of one system about one resource in one state of the catalogue.
struct Compiled {
    generation: u64,
    department: DepartmentId,
    resource: Arc<Resource>,
    policies: PolicySet,
    entities: Entities,
    principal: EntityUid,
    resource_uid: EntityUid,
    grants: HashMap<PolicyId, Arc<Grant>>,
    answered: Memo,
}

struct Names {
    department: EntityTypeName,
    system: EntityTypeName,
    resource: EntityTypeName,
    query: EntityUid,
    verify: EntityUid,
    issue: EntityUid,
}

impl Policy {
    /// With the guardrails that the program carries.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::with(Guardrails::built_in()?)
    }

    /// With the guardrails of a folder: `schema.cedarschema` and `guardrails.cedar`, as in `config/policy`.
    pub fn from_folder(folder: &Path) -> Result<Self, PolicyError> {
        Self::with(Guardrails::read(folder)?)
    }

    fn with(guardrails: Guardrails) -> Result<Self, PolicyError> {
        Ok(Self {
            guardrails,
            authorizer: Authorizer::new(),
            names: Names::new()?,
            sets: Kept::new(KEPT_SETS),
        })
    }

    /// Answers one question at the catalogue's time, in whole seconds.
    ///
    /// What is allowed is what was granted and the service item needs, of this resource. An unconditionally shared
    /// resource (无条件共享) needs no grant, as 政务数据共享条例 asks no approval for it, but a purpose all the same: a
    /// case of a service item that needs it; its own masks apply. A certificate is issued in the provider's name and
    /// always needs a grant that lists its type.
    pub fn decide(&self, question: &Question<'_>, catalogue: &Catalogue) -> Result<Decision, PolicyError> {
        if question.item.code != question.case.item {
            return Err(PolicyError::Question("the service item is not the case's".to_owned()));
        }
        let snapshot = catalogue.snapshot();
        let now = catalogue.now();
        let Some(set) = self.set(question, &snapshot)? else {
            return Ok(Decision::Refuse(Refusal::ResourceNotPublished));
        };
        let (second, key) = (whole_seconds_ms(now), memo::key(question, self.guardrails.reads));
        if let Some(decision) = set.answered.get(second, &key) {
            return Ok(decision);
        }
        let decision = self.evaluate(question, &set, &snapshot, second)?;
        set.answered.put(second, key, &decision);
        Ok(decision)
    }

    fn evaluate(
        &self,
        question: &Question<'_>,
        set: &Compiled,
        snapshot: &Snapshot,
        now_ms: i64,
    ) -> Result<Decision, PolicyError> {
        let request = self.request(question, set, now_ms)?;
        let response = self.authorizer.is_authorized(&request, &set.policies, &set.entities);
        let diagnostics = response.diagnostics();
        // Cedar leaves out a policy that cannot be evaluated; if that was a guardrail, a permit would be one too many.
        if let Some(error) = diagnostics.errors().next() {
            return Err(PolicyError::Question(error.to_string()));
        }
        if response.decision() == Verdict::Deny {
            let refusal = self.guardrails.first_refusal(diagnostics.reason());
            return Ok(Decision::Refuse(
                refusal.unwrap_or_else(|| no_grant(question, snapshot, now_ms)),
            ));
        }
        let mut unconditional = false;
        let mut grants = Vec::new();
        for id in diagnostics.reason() {
            match set.grants.get(id) {
                Some(grant) => grants.push(grant.as_ref()),
                None => unconditional |= self.guardrails.is_unconditional(id),
            }
        }
        grants.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(match allowed(question, &set.resource, &grants, unconditional) {
            Ok(fields) => Decision::Permit {
                fields,
                grants: grants.into_iter().map(|g| g.id.clone()).collect(),
            },
            Err(refusal) => Decision::Refuse(refusal),
        })
    }

    fn set(&self, question: &Question<'_>, snapshot: &Snapshot) -> Result<Option<Arc<Compiled>>, PolicyError> {
        let key = (question.caller.system.id.clone(), question.resource.code.clone());
        if let Some(set) = self.sets.get(&key)
            && set.generation == snapshot.generation
            && set.department == question.caller.department.id
        {
            return Ok(Some(set));
        }
        let Some(resource) = snapshot.resources.get(&key.1) else {
            return Ok(None);
        };
        let set = Arc::new(self.compile(question, resource, snapshot)?);
        self.sets.put(key, set.clone());
        Ok(Some(set))
    }

    fn compile(
        &self,
        question: &Question<'_>,
        resource: &Arc<Resource>,
        snapshot: &Snapshot,
    ) -> Result<Compiled, PolicyError> {
        let department = &question.caller.department.id;
        let grants: HashMap<PolicyId, Arc<Grant>> = snapshot
            .by_grantee
            .get(department)
            .into_iter()
            .flatten()
            .filter(|grant| grant.resource == resource.code)
            .map(|grant| (PolicyId::new(format!("grant:{}", grant.id)), grant.clone()))
            .collect();
        let policies = self
            .guardrails
            .with_grants(grants.iter().map(|(id, grant)| (id.clone(), grant.as_ref())))?;

        let department_uid = self.names.department(department);
        let principal = uid(&self.names.system, question.caller.system.id.as_ref());
        let resource_uid = self.names.resource(&resource.code);
        let attributes = HashMap::from([
            (
                "provider".to_owned(),
                Value::new_entity_uid(self.names.department(&resource.provider)),
            ),
            ("status".to_owned(), text(status(resource.status))),
            ("sharing".to_owned(), text(sharing(resource.sharing.kind))),
            ("mode".to_owned(), text(mode(resource.sharing.mode))),
        ]);
        let wrong = |e: &dyn std::error::Error| PolicyError::Question(e.to_string());
        let entities = Entities::from_entities(
            [
                Entity::new_no_attrs(department_uid.clone(), HashSet::new()),
                Entity::new_no_attrs(principal.clone(), HashSet::from([department_uid])),
                Entity::new(resource_uid.clone(), attributes, HashSet::new()).map_err(|e| wrong(&e))?,
            ],
            None,
        )
        .map_err(|e| wrong(&e))?;
        Ok(Compiled {
            generation: snapshot.generation,
            department: department.clone(),
            resource: resource.clone(),
            policies,
            entities,
            principal,
            resource_uid,
            grants,
            answered: Memo::default(),
        })
    }

    fn request(&self, question: &Question<'_>, set: &Compiled, now_ms: i64) -> Result<Request, PolicyError> {
        let case = question.case;
        let texts = |values: &mut dyn Iterator<Item = &str>| Value::new_set(values.map(text).collect::<Vec<_>>());
        let needs = question.item.needs.iter().map(|need| {
            let same = need.resource == set.resource.code;
            Value::new_entity_uid(if same {
                set.resource_uid.clone()
            } else {
                self.names.resource(&need.resource)
            })
        });
        let mut pairs = vec![
            ("now".to_owned(), Value::new_long(now_ms)),
            ("operator".to_owned(), text(question.operator.as_ref())),
            ("subject".to_owned(), text(question.subject.as_str())),
            (
                "fields".to_owned(),
                texts(&mut question.fields.iter().map(AsRef::as_ref)),
            ),
            ("item".to_owned(), text(question.item.code.as_ref())),
            ("needs".to_owned(), Value::new_set(needs.collect::<Vec<_>>())),
            ("case_open".to_owned(), Value::new_bool(case.status == CaseStatus::Open)),
            (
                "case_department".to_owned(),
                Value::new_entity_uid(self.names.department(&case.department)),
            ),
            ("case_applicant".to_owned(), text(case.applicant.as_str())),
            (
                "subject_is_applicant".to_owned(),
                Value::new_bool(*question.subject == case.applicant),
            ),
        ];
        let action = match question.action {
            Action::Query => &self.names.query,
            Action::Verify => &self.names.verify,
            Action::Issue(certificate) => {
                pairs.push(("certificate".to_owned(), text(certificate.as_ref())));
                let of_item = texts(&mut question.item.certificates.iter().map(AsRef::as_ref));
                pairs.push(("item_certificates".to_owned(), of_item));
                &self.names.issue
            }
        };
        let context = Context::from_pairs(pairs).map_err(|e| PolicyError::Question(e.to_string()))?;
        Request::new(
            set.principal.clone(),
            action.clone(),
            set.resource_uid.clone(),
            context,
            None,
        )
        .map_err(|e| PolicyError::Question(e.to_string()))
    }
}

impl Names {
    fn new() -> Result<Self, PolicyError> {
        let name = |text: &str| EntityTypeName::from_str(text).map_err(|e| PolicyError::Policies(e.to_string()));
        let action = name("Action")?;
        Ok(Self {
            department: name("Department")?,
            system: name("System")?,
            resource: name("Resource")?,
            query: uid(&action, "query"),
            verify: uid(&action, "verify"),
            issue: uid(&action, "issue"),
        })
    }

    fn department(&self, id: &DepartmentId) -> EntityUid {
        uid(&self.department, id.as_ref())
    }

    fn resource(&self, code: &ResourceCode) -> EntityUid {
        uid(&self.resource, code.as_ref())
    }
}

fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

fn status(status: ResourceStatus) -> &'static str {
    match status {
        ResourceStatus::Draft => "draft",
        ResourceStatus::Published => "published",
        ResourceStatus::Suspended => "suspended",
        ResourceStatus::Retired => "retired",
    }
}

fn sharing(kind: SharingKind) -> &'static str {
    match kind {
        SharingKind::Unconditional => "unconditional",
        SharingKind::Conditional => "conditional",
        SharingKind::Prohibited => "prohibited",
    }
}

fn mode(mode: SharingMode) -> &'static str {
    match mode {
        SharingMode::QueryAndVerify => "query_and_verify",
        SharingMode::VerifyOnly => "verify_only",
    }
}

/// No guardrail forbade and no grant permitted: whether there was a grant that counts no more.
fn no_grant(question: &Question<'_>, snapshot: &Snapshot, now_ms: i64) -> Refusal {
    let for_this = snapshot
        .by_grantee
        .get(&question.caller.department.id)
        .into_iter()
        .flatten()
        .filter(|g| g.resource == question.resource.code && g.service_items.contains(&question.item.code))
        .filter(|g| match question.action {
            Action::Issue(certificate) => g.certificates.contains(certificate),
            Action::Query | Action::Verify => true,
        });
    let (mut expired, mut withdrawn) = (false, false);
    for grant in for_this {
        if grant.withdrawn_at.is_some_and(|at| whole_seconds_ms(at) <= now_ms) {
            withdrawn = true;
        } else if whole_seconds_ms(grant.valid_until) <= now_ms {
            expired = true;
        }
    }
    match (expired, withdrawn) {
        (true, _) => Refusal::GrantExpired,
        (false, true) => Refusal::GrantWithdrawn,
        (false, false) => Refusal::NoGrant,
    }
}

/// The fields that may be released, in the resource's order, or the first of those asked for that may not.
fn allowed(
    question: &Question<'_>,
    resource: &Resource,
    grants: &[&Grant],
    unconditional: bool,
) -> Result<Vec<AllowedField>, Refusal> {
    if let Some(unknown) = question.fields.iter().find(|name| resource.item(name).is_none()) {
        return Err(Refusal::UnknownField(unknown.clone()));
    }
    if let Action::Issue(_) = question.action {
        let asked: BTreeSet<&FieldName> = question.fields.iter().collect();
        return Ok(resource
            .items
            .iter()
            .filter(|item| asked.contains(&item.name))
            .map(|item| AllowedField {
                name: item.name.clone(),
                mask: Mask::None,
            })
            .collect());
    }
    let needed: HashSet<&FieldName> = question
        .item
        .needs
        .iter()
        .filter(|need| need.resource == resource.code)
        .flat_map(|need| &need.fields)
        .collect();
    let fields: Vec<AllowedField> = resource
        .items
        .iter()
        .filter(|item| needed.contains(&item.name))
        .filter_map(|item| {
            mask(item, grants, unconditional).map(|mask| AllowedField {
                name: item.name.clone(),
                mask,
            })
        })
        .collect();
    if question.fields.is_empty() {
        let first = || resource.items.iter().find(|item| needed.contains(&item.name));
        return match (fields.is_empty(), first()) {
            (false, _) => Ok(fields),
            (true, Some(item)) => Err(Refusal::FieldNotGranted(item.name.clone())),
            (true, None) => Err(Refusal::ItemDoesNotNeedResource),
        };
    }
    let is_allowed = |name: &FieldName| fields.iter().any(|field| field.name == *name);
    if let Some(name) = question.fields.iter().find(|name| !is_allowed(name)) {
        return Err(Refusal::FieldNotGranted(name.clone()));
    }
    Ok(fields
        .into_iter()
        .filter(|field| question.fields.contains(&field.name))
        .collect())
}

/// The mask of a field: of several grants that open it, each was approved for this purpose, so that the one that opens
/// most counts; the first by id where two open a part.
fn mask(item: &DataItem, grants: &[&Grant], unconditional: bool) -> Option<Mask> {
    let granted = grants
        .iter()
        .flat_map(|grant| &grant.fields)
        .filter(|field| field.name == item.name)
        .map(|field| field.mask.unwrap_or(item.mask));
    granted
        .chain(unconditional.then_some(item.mask))
        .min_by_key(|mask| mask.strength())
}
