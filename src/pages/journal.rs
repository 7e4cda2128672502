use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};

use super::error::PageError;
use crate::{
    audit::{Action, AuditError, Entry, Log},
    clock::Clock,
    ids::RequestId,
};

/// The audit log, for what is done on a page.
pub(super) struct Journal {
    log: web::Data<Log>,
    clock: web::Data<dyn Clock>,
    request: RequestId,
}

impl Journal {
    /// An entry of this moment and this request, for something that is permitted.
    pub(super) fn entry(&self, action: Action) -> Entry {
        Entry::new(self.clock.now(), self.request.clone(), action)
    }

    /// Durable when it returns.
    pub(super) async fn append(&self, entry: Entry) -> Result<(), AuditError> {
        self.log.append(entry).await.map(|_| ())
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }
}

impl FromRequest for Journal {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let journal = || {
            Ok(Self {
                log: request
                    .app_data::<web::Data<Log>>()
                    .ok_or(PageError::NotWired("Log"))?
                    .clone(),
                clock: request
                    .app_data::<web::Data<dyn Clock>>()
                    .ok_or(PageError::NotWired("Clock"))?
                    .clone(),
                request: request
                    .extensions()
                    .get::<RequestId>()
                    .ok_or(PageError::NotWired("RequestId"))?
                    .clone(),
            })
        };
        std::future::ready(journal())
    }
}
