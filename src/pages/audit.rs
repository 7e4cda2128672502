use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::{Deserialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    error::PageError,
    journal::Journal,
    labels::{ACTIONS, OUTCOMES},
    page::{self, Here, Page},
    texts::{Texts, fill},
    verdict::api_name,
    visitor::Visitor,
};
use crate::{
    audit::{Action, Entry, Filter, Log, Outcome, Placed},
    department::Role,
    ids::{IdError, Pseudonym, PseudonymKey, SubjectId},
};

/// Entries on a page.
const PAGE_ENTRIES: u32 = 50;

/// The filters as the address has them; empty ones do not count.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    subject: String,
    department: String,
    system: String,
    resource: String,
    case: String,
    action: String,
    outcome: String,
    from: String,
    to: String,
    before: String,
}

#[derive(Template)]
#[template(path = "audit.html", config = "src/pages/askama.toml")]
struct List<'a> {
    page: Page<'a>,
    query: Query,
    refusal: Option<String>,
    /// Value, label, whether it is chosen.
    actions: Vec<(String, &'static str, bool)>,
    outcomes: Vec<(String, &'static str, bool)>,
    state: Option<State>,
    rows: Vec<Row>,
    /// The address of the page with earlier entries.
    earlier: Option<String>,
}

/// How far the log has come.
struct State {
    size: u64,
    root: String,
}

/// An entry as it is shown.
struct Row {
    placed: Placed,
    time: String,
    machine_time: String,
    who: String,
}

/// `GET /audit`: for auditors. That it was looked at is recorded before anything is shown.
pub(super) async fn list(
    visitor: Visitor,
    query: web::Query<Query>,
    journal: Journal,
) -> Result<HttpResponse, PageError> {
    let account = visitor.must_be(Role::Auditor)?;
    let t = visitor.lang().texts();
    let query = query.into_inner();
    let filter = match query.filter(t) {
        Ok(filter) => filter,
        Err(label) => {
            let refusal = fill(t.filter_wrong, label);
            return list_page(&visitor, query, Some(refusal), None, Vec::new());
        }
    };
    let entry = Entry {
        department: account.department.clone(),
        operator: Some(account.id.clone()),
        subject: filter.subject.clone(),
        resource: filter.resource.clone(),
        case: filter.case.clone(),
        ..journal.entry(Action::ReadAudit)
    };
    journal.append(entry).await?;
    let found = journal.log().search(&filter).await?;
    let state = state(journal.log()).await?;
    list_page(&visitor, query, None, state, found)
}

#[derive(Deserialize)]
pub(super) struct PersonForm {
    csrf: String,
    id_type: String,
    id: String,
}

/// `POST /audit`: turns a number into its pseudonym, so that the number stands in no address.
pub(super) async fn find_person(
    visitor: Visitor,
    form: web::Form<PersonForm>,
    key: web::Data<PseudonymKey>,
) -> Result<HttpResponse, PageError> {
    visitor.must_be(Role::Auditor)?;
    let PersonForm { csrf, id_type, id } = form.into_inner();
    visitor.check_form(&csrf)?;
    let id = Zeroizing::new(id);
    match SubjectId::parse(&id_type, &id.trim().to_ascii_uppercase()) {
        Ok(subject) => Ok(page::see_other(&format!("/audit?subject={}", key.pseudonym(&subject)))),
        Err(_) => {
            let refusal = visitor.lang().texts().id_number_wrong.to_owned();
            list_page(&visitor, Query::default(), Some(refusal), None, Vec::new())
        }
    }
}

/// Reads the first lines of the newest checkpoint (C2SP tlog-checkpoint): the log's name, the size, the root.
async fn state(log: &Log) -> Result<Option<State>, PageError> {
    let note = log.checkpoint().await?;
    let mut lines = note.lines().skip(1);
    let size = lines.next().and_then(|size| size.parse().ok());
    Ok(size.zip(lines.next()).map(|(size, root)| State {
        size,
        root: root.to_owned(),
    }))
}

fn list_page(
    visitor: &Visitor,
    query: Query,
    refusal: Option<String>,
    state: Option<State>,
    found: Vec<Placed>,
) -> Result<HttpResponse, PageError> {
    let lang = visitor.lang();
    let status = if refusal.is_some() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    let last = found
        .last()
        .map(|placed| placed.sequence)
        .filter(|sequence| *sequence > 1);
    let is_full = found.len() >= PAGE_ENTRIES as usize;
    let earlier = last
        .filter(|_| is_full)
        .map(|before| format!("/audit?{}before={before}", query.address()));
    let options = |value: &str, chosen: &str, label| (value.to_owned(), label, value == chosen);
    let list = List {
        actions: ACTIONS
            .iter()
            .map(|action| options(&api_name(action), &query.action, lang.action(action)))
            .collect(),
        outcomes: OUTCOMES
            .iter()
            .map(|outcome| options(&api_name(outcome), &query.outcome, lang.outcome(outcome)))
            .collect(),
        page: Page::new(visitor, lang.texts().audit, Here::Audit),
        query,
        refusal,
        state,
        rows: found.into_iter().map(Row::from).collect(),
        earlier,
    };
    page::answer(status, &list)
}

impl Query {
    /// The filter, or the label of what is not of the right form.
    fn filter(&self, t: &'static Texts) -> Result<Filter, &'static str> {
        Ok(Filter {
            subject: parse(&self.subject, Pseudonym::parse).map_err(|_| t.subject)?,
            department: parse(&self.department, str::parse).map_err(|_| t.department)?,
            system: parse(&self.system, str::parse).map_err(|_| t.system)?,
            resource: parse(&self.resource, str::parse).map_err(|_| t.resource)?,
            case: parse(&self.case, str::parse).map_err(|_| t.case)?,
            action: parse(&self.action, named::<Action>).map_err(|_| t.action)?,
            outcome: parse(&self.outcome, named::<Outcome>).map_err(|_| t.outcome)?,
            from: parse(&self.from, beijing_time).map_err(|_| t.from)?,
            to: parse(&self.to, beijing_time).map_err(|_| t.to)?,
            before: parse(&self.before, |text| text.parse().map_err(|_| IdError::Form)).map_err(|_| t.sequence)?,
            limit: PAGE_ENTRIES,
        })
    }

    /// What is filtered by, for an address, each followed by `&`.
    fn address(&self) -> String {
        let parts = [
            ("subject", &self.subject),
            ("department", &self.department),
            ("system", &self.system),
            ("resource", &self.resource),
            ("case", &self.case),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let mut address = String::new();
        for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            address.push_str(&format!("{name}={value}&"));
        }
        address
    }

    fn is_empty(&self) -> bool {
        self.address().is_empty() && self.before.is_empty()
    }
}

impl From<Placed> for Row {
    fn from(placed: Placed) -> Self {
        let entry = &placed.entry;
        let names = [
            entry.department.as_ref().map(AsRef::<str>::as_ref),
            entry.system.as_ref().map(AsRef::as_ref),
            entry.operator.as_ref().map(AsRef::as_ref),
        ];
        Self {
            time: Offset::constant(8)
                .to_datetime(entry.at)
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string(),
            machine_time: entry.at.to_string(),
            who: names.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            placed,
        }
    }
}

fn parse<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, IdError>) -> Result<Option<T>, IdError> {
    match text.trim() {
        "" => Ok(None),
        text => parse(text).map(Some),
    }
}

/// The value that has this name in the API.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, IdError> {
    serde_json::from_value(serde_json::Value::from(name)).map_err(|_| IdError::Form)
}

/// `2026-11-22T09:30`, as browsers send it, in China's time (UTC+8).
fn beijing_time(text: &str) -> Result<Timestamp, IdError> {
    let civil: DateTime = text.parse().map_err(|_| IdError::Date)?;
    Offset::constant(8).to_timestamp(civil).map_err(|_| IdError::Date)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::pages::lang::Lang;

    #[test]
    fn the_filter_reads_what_a_browser_sends() {
        let query = Query {
            action: "query".to_owned(),
            from: "2026-11-22T09:30".to_owned(),
            department: " shache-hr ".to_owned(),
            ..Query::default()
        };
        let filter = query.filter(Lang::Zh.texts()).unwrap();
        assert_eq!(filter.action, Some(Action::Query));
        assert_eq!(filter.from.unwrap().to_string(), "2026-11-22T01:30:00Z");
        assert_eq!(filter.department.unwrap().as_str(), "shache-hr");
        assert_eq!(filter.subject, None);
    }

    #[test]
    fn a_filter_of_the_wrong_form_is_named() {
        let texts = Lang::En.texts();
        let query = Query {
            subject: "653199199003070013".to_owned(),
            ..Query::default()
        };
        assert_eq!(query.filter(texts).unwrap_err(), texts.subject);
        let query = Query {
            action: "delete".to_owned(),
            ..Query::default()
        };
        assert_eq!(query.filter(texts).unwrap_err(), texts.action);
    }

    #[test]
    fn every_action_and_outcome_can_be_chosen() {
        for action in ACTIONS {
            assert_eq!(named::<Action>(&api_name(&action)), Ok(action));
        }
        for outcome in OUTCOMES {
            assert_eq!(named::<Outcome>(&api_name(&outcome)), Ok(outcome));
        }
    }
}
