//! `/v1/audit/entries`: for systems that audit. Reading the log is itself recorded, before anything is shown.

use actix_web::web;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    act::Act,
    extract::{Query, parse_id},
    problem::Problem,
};
use crate::{
    audit::{Action, Filter, Log, Outcome, Placed},
    department::Permission,
};

/// Entries on a page when none is asked for, and at most.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// What to look for; all that is given must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The subject's pseudonym: 32 hexadecimal digits. Never an ID number: that must not stand in a URL.
    subject: Option<String>,
    department: Option<String>,
    system: Option<String>,
    resource: Option<String>,
    case: Option<String>,
    action: Option<Action>,
    outcome: Option<Outcome>,
    /// From this moment on (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// 1 to 200; default 50.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<u64>,
}

/// A page of entries, newest first.
#[derive(Serialize, ToSchema)]
pub struct Page {
    entries: Vec<Placed>,
    /// Give it as `cursor` to get the page after; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<u64>,
}

/// List audit entries, newest first
#[utoipa::path(
    get, path = "/v1/audit/entries", tag = "exchange", params(Search),
    responses(
        (status = 200, body = Page),
        (status = 403, description = "`permission_missing`: the system does not audit", body = Problem),
        (status = 503, description = "`audit_unavailable`: reading cannot be recorded, so nothing is shown", body = Problem)
    )
)]
pub async fn entries(act: Act, Query(search): Query<Search>, log: web::Data<Log>) -> Result<web::Json<Page>, Problem> {
    let mut entry = act.entry(Action::ReadAudit);
    act.must_have_one(&[Permission::Audit], &entry).await?;
    let filter = search.filter()?;
    entry.subject.clone_from(&filter.subject);
    entry.resource.clone_from(&filter.resource);
    entry.case.clone_from(&filter.case);
    log.append(entry).await?;
    let entries = log.search(&filter).await?;
    let next_cursor = (entries.len() == filter.limit as usize)
        .then(|| entries.last().map(|placed| placed.sequence))
        .flatten();
    Ok(web::Json(Page { entries, next_cursor }))
}

impl Search {
    fn filter(&self) -> Result<Filter, Problem> {
        fn optional<T: std::str::FromStr<Err = crate::ids::IdError>>(
            field: &str,
            text: Option<&String>,
        ) -> Result<Option<T>, Problem> {
            text.map(|text| parse_id(field, text)).transpose()
        }
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(
                Problem::unprocessable("limit_invalid", "limit 应为 1 至 200。", "`limit` must be 1 to 200.")
                    .about("limit"),
            );
        }
        Ok(Filter {
            subject: optional("subject", self.subject.as_ref())?,
            department: optional("department", self.department.as_ref())?,
            system: optional("system", self.system.as_ref())?,
            resource: optional("resource", self.resource.as_ref())?,
            case: optional("case", self.case.as_ref())?,
            action: self.action,
            outcome: self.outcome,
            from: self.from,
            to: self.to,
            before: self.cursor,
            limit,
        })
    }
}
