use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{
    Ask, ExchangeError, Recorder, Released, Request, claims, filter,
    source::{Sources, Wanted},
};
use crate::{
    audit::{self, Entry, Outcome},
    case::{CaseError, Cases},
    catalogue::{Catalogue, Resource},
    ids::{FieldName, GrantId, ItemCode, Pseudonym, PseudonymKey},
    policy::{Action, AllowedField, Decision, Policy, Question},
};

/// What stands in place of a mask where values were compared and not shown.
const COMPARED: &str = "yes_or_no";

/// Discloses: the one way by which data leave their provider through this node.
pub struct Exchange {
    catalogue: Arc<Catalogue>,
    cases: Arc<Cases>,
    policy: Arc<Policy>,
    log: Arc<dyn Recorder>,
    pseudonyms: Arc<PseudonymKey>,
    sources: Sources,
}

/// What was permitted: what is recorded, and what the provider is asked.
struct Permitted {
    resource: Arc<Resource>,
    item: ItemCode,
    fields: Vec<AllowedField>,
    grants: Vec<GrantId>,
}

impl Exchange {
    pub fn new(
        catalogue: Arc<Catalogue>,
        cases: Arc<Cases>,
        policy: Arc<Policy>,
        log: Arc<dyn Recorder>,
        pseudonyms: Arc<PseudonymKey>,
        sources: Sources,
    ) -> Self {
        Self {
            catalogue,
            cases,
            policy,
            log,
            pseudonyms,
            sources,
        }
    }

    /// Decides, records, fetches, filters, releases.
    ///
    /// The order of the entries against a crash: an entry `permitted` is durable before the provider is called, so that
    /// one whose answer never left says too much, never too little; `failed` follows when the provider gave nothing.
    /// Refusals are recorded too.
    pub async fn disclose(&self, request: Request<'_>) -> Result<Released, ExchangeError> {
        let subject = self.pseudonyms.pseudonym(&request.subject.id);
        let permitted = match self.decide(&request, &subject).await {
            Ok(permitted) => permitted,
            Err(error) => {
                let mut entry = self.entry(&request, &subject, Outcome::Refused, error.code());
                match self.catalogue.resource(request.resource) {
                    Some(resource) => entry.fields = asked(&request.ask, &resource),
                    None => entry.resource = None,
                }
                self.log.append(entry).await?;
                return Err(error);
            }
        };

        let mut entry = self.entry(&request, &subject, Outcome::Permitted, Cow::Borrowed("permitted"));
        let shown = |field: &AllowedField| match request.ask {
            Ask::Verify(_) => Cow::Borrowed(COMPARED),
            Ask::Query(_) | Ask::Issue(..) => Cow::Borrowed(field.mask.as_str()),
        };
        entry.item = Some(permitted.item.clone());
        entry.fields = permitted.fields.iter().map(|f| (f.name.clone(), shown(f))).collect();
        entry.grants.clone_from(&permitted.grants);
        let sequence = self.log.append(entry).await?;

        match self.fetch(&request, &subject, permitted).await {
            Ok(released) => Ok(Released {
                entry: sequence,
                ..released
            }),
            Err(error) => {
                let entry = self.entry(&request, &subject, Outcome::Failed, error.code());
                if let Err(unrecorded) = self.log.append(entry).await {
                    // Nothing was released, and the entry before says that it was tried.
                    tracing::error!(request = %request.id, error = %unrecorded, "a failed disclosure has no entry of its own");
                }
                Err(error)
            }
        }
    }

    async fn decide(&self, request: &Request<'_>, subject: &Pseudonym) -> Result<Permitted, ExchangeError> {
        let resource = self
            .catalogue
            .resource(request.resource)
            .ok_or_else(|| ExchangeError::NoSuchResource(request.resource.clone()))?;
        let case = self.cases.case(request.case).await?;
        let item = self
            .cases
            .item(&case.item)
            .ok_or_else(|| CaseError::NoSuchItem(case.item.clone()))?;
        let claimed: Vec<FieldName>;
        let (action, fields) = match request.ask {
            Ask::Query(fields) => (Action::Query, fields),
            Ask::Issue(certificate, fields) => (Action::Issue(certificate), fields),
            Ask::Verify(claims) => {
                claimed = claims.keys().cloned().collect();
                (Action::Verify, claimed.as_slice())
            }
        };
        let question = Question {
            action,
            caller: request.caller,
            operator: request.operator,
            case: &case,
            item: &item,
            resource: &resource,
            subject,
            fields,
        };
        let (mut fields, grants) = match self.policy.decide(&question, &self.catalogue)? {
            Decision::Permit { fields, grants } => (fields, grants),
            Decision::Refuse(refusal) => return Err(refusal.into()),
        };
        if let Ask::Verify(claims) = request.ask {
            claims::check(claims, &resource)?;
            fields.retain(|field| claims.contains_key(&field.name));
        }
        Ok(Permitted {
            item: case.item.clone(),
            resource,
            fields,
            grants,
        })
    }

    async fn fetch(
        &self,
        request: &Request<'_>,
        subject: &Pseudonym,
        permitted: Permitted,
    ) -> Result<Released, ExchangeError> {
        let wanted = Wanted {
            resource: &permitted.resource,
            subject: request.subject,
            pseudonym: subject,
            fields: &permitted.fields,
        };
        let records = self.sources.fetch(wanted, self.catalogue.now()).await?;
        let (records, matches) = match request.ask {
            Ask::Verify(claims) => (Vec::new(), claims::compare(claims, &records, &permitted.resource)?),
            Ask::Query(_) | Ask::Issue(..) => (
                filter::filter(records, &permitted.fields, &permitted.resource)?,
                Vec::new(),
            ),
        };
        Ok(Released {
            records,
            matches,
            fields: permitted.fields,
            entry: 0,
        })
    }

    fn entry(&self, request: &Request<'_>, subject: &Pseudonym, outcome: Outcome, code: Cow<'static, str>) -> Entry {
        let action = match request.ask {
            Ask::Query(_) => audit::Action::Query,
            Ask::Verify(_) => audit::Action::Verify,
            Ask::Issue(..) => audit::Action::Issue,
        };
        Entry {
            outcome,
            code,
            department: Some(request.caller.department.id.clone()),
            system: Some(request.caller.system.id.clone()),
            operator: Some(request.operator.clone()),
            case: Some(request.case.clone()),
            resource: Some(request.resource.clone()),
            subject: Some(subject.clone()),
            ..Entry::new(self.catalogue.now(), request.id.clone(), action)
        }
    }
}

/// The fields that a refused request asked for. Names that the resource does not have are the caller's own text, which
/// could name a person: they are not recorded.
fn asked(ask: &Ask<'_>, resource: &Resource) -> BTreeMap<FieldName, Cow<'static, str>> {
    let names: Vec<&FieldName> = match ask {
        Ask::Query(fields) | Ask::Issue(_, fields) => fields.iter().collect(),
        Ask::Verify(claims) => claims.keys().collect(),
    };
    names
        .into_iter()
        .filter(|name| resource.item(name).is_some())
        .map(|name| (name.clone(), Cow::Borrowed("")))
        .collect()
}
