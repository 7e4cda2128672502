use futures_util::future::BoxFuture;

use super::{Db, from_json, to_json, unreadable};
use crate::{
    case::{Case, CaseStatus, CaseStore, Event, EventKind, ServiceItem, StoreFault},
    ids::CaseId,
};

const OPEN: &str = "open";
const CLOSED: &str = "closed";

impl CaseStore for Db {
    fn items(&self) -> BoxFuture<'_, Result<Vec<ServiceItem>, StoreFault>> {
        Box::pin(async {
            let items: Vec<String> = sqlx::query_scalar("SELECT body FROM service_items ORDER BY code")
                .fetch_all(self.readers())
                .await?;
            let items: Result<Vec<_>, _> = items.iter().map(|b| from_json("service_items", b)).collect();
            Ok(items?)
        })
    }

    fn put_item<'a>(&'a self, item: &'a ServiceItem) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO service_items (code, body) VALUES ($1, $2) \
                 ON CONFLICT (code) DO UPDATE SET body = excluded.body",
            )
            .bind(item.code.as_str())
            .bind(to_json("service_items", item)?);
            Ok(self.write_registry(query).await?)
        })
    }

    fn case<'a>(&'a self, id: &'a CaseId) -> BoxFuture<'a, Result<Option<Case>, StoreFault>> {
        Box::pin(async move {
            // One statement, so that status and events are of one moment.
            let rows: Vec<(String, String, Option<String>, Option<String>)> = sqlx::query_as(
                "SELECT c.body, c.status, c.closed_at, e.body FROM cases c \
                 LEFT JOIN case_events e ON e.case_id = c.id WHERE c.id = $1 ORDER BY e.ordinal",
            )
            .bind(id.as_str())
            .fetch_all(self.readers())
            .await?;
            let Some((body, status, closed_at, _)) = rows.first() else {
                return Ok(None);
            };
            let mut case: Case = from_json("cases", body)?;
            case.status = if status == OPEN {
                CaseStatus::Open
            } else {
                CaseStatus::Closed
            };
            case.closed_at = closed_at
                .as_ref()
                .map(|at| at.parse().map_err(|e| unreadable("cases", e)))
                .transpose()?;
            case.events = rows
                .iter()
                .filter_map(|(.., event)| event.as_ref())
                .map(|event| from_json("case_events", event))
                .collect::<Result<_, _>>()?;
            Ok(Some(case))
        })
    }

    fn insert_case<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query("INSERT INTO cases (id, status, body) VALUES ($1, $2, $3)")
                .bind(case.id.as_str())
                .bind(OPEN)
                .bind(to_json("cases", case)?);
            self.write(query).await?;
            Ok(())
        })
    }

    fn add_event<'a>(&'a self, id: &'a CaseId, event: &'a Event) -> BoxFuture<'a, Result<bool, StoreFault>> {
        Box::pin(async move {
            let body = to_json("case_events", event)?;
            let mut writer = self.begin().await?;
            let result = async {
                let added = sqlx::query(
                    "INSERT INTO case_events (case_id, ordinal, body) \
                     SELECT id, (SELECT count(*) FROM case_events WHERE case_id = $1), $2 \
                     FROM cases WHERE id = $1 AND status = $3",
                )
                .bind(id.as_str())
                .bind(body)
                .bind(OPEN)
                .execute(&mut writer.connection)
                .await?
                .rows_affected();
                if added == 1 && event.kind == EventKind::Closed {
                    sqlx::query("UPDATE cases SET status = $1, closed_at = $2 WHERE id = $3")
                        .bind(CLOSED)
                        .bind(event.at.to_string())
                        .bind(id.as_str())
                        .execute(&mut writer.connection)
                        .await?;
                }
                Ok(added == 1)
            }
            .await;
            Ok(writer.end(result).await?)
        })
    }
}
