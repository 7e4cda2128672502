use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite},
};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use moka::sync::Cache;
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use crate::{clock::SharedClock, department::Account, ids::OperatorId};

/// The cookie that holds the session's token.
const COOKIE: &str = "__Host-session";
/// How long a session lasts at most, in seconds.
const ABSOLUTE_S: i64 = 8 * 3_600;
/// How long a session lasts without a request, in seconds.
const IDLE_S: i64 = 1_800;
/// Sessions at a time, at most.
const SESSIONS: u64 = 100_000;

/// Who is signed in. Sessions are in memory only: a restart signs everybody out. Only the SHA-256 of a token is kept.
pub struct Sessions {
    clock: SharedClock,
    random: SystemRandom,
    live: Cache<[u8; 32], Arc<Session>>,
}

pub(super) struct Session {
    pub(super) account: OperatorId,
    pub(super) csrf: String,
    /// Of the account's password hash: with another password, a session counts no more.
    password: [u8; 32],
    opened: Timestamp,
    seen: AtomicI64,
}

impl Session {
    /// Whether it was opened by this account with the password that it has now.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        self.account == account.id && self.password == digest_of(&account.password_hash)
    }
}

/// The system's random source does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the random source does not answer")]
pub(super) struct NoRandom;

impl Sessions {
    pub fn new(clock: SharedClock) -> Self {
        // The cache only frees memory: the clock says which sessions count.
        let live = Cache::builder()
            .max_capacity(SESSIONS)
            .time_to_live(Duration::from_secs(ABSOLUTE_S.unsigned_abs()))
            .build();
        Self {
            clock,
            random: SystemRandom::new(),
            live,
        }
    }

    /// Opens a session; its token is in the cookie and nowhere else.
    pub(super) fn open(&self, account: &Account) -> Result<Cookie<'static>, NoRandom> {
        let token = self.token()?;
        let now = self.clock.now();
        let session = Session {
            account: account.id.clone(),
            csrf: self.token()?.to_string(),
            password: digest_of(&account.password_hash),
            opened: now,
            seen: AtomicI64::new(now.as_second()),
        };
        self.live.insert(digest_of(&token), Arc::new(session));
        Ok(cookie(COOKIE, token.to_string()))
    }

    /// The session that the request's cookie belongs to, if it still counts.
    pub(super) fn of(&self, request: &HttpRequest) -> Option<Arc<Session>> {
        let key = digest_of(request.cookie(COOKIE)?.value());
        let session = self.live.get(&key)?;
        let now = self.clock.now().as_second();
        if now - session.opened.as_second() >= ABSOLUTE_S || now - session.seen.load(Ordering::Relaxed) >= IDLE_S {
            self.live.invalidate(&key);
            return None;
        }
        session.seen.fetch_max(now, Ordering::Relaxed);
        Some(session)
    }

    /// Ends the request's session; the cookie that is returned takes the place of its own.
    pub(super) fn close(&self, request: &HttpRequest) -> Cookie<'static> {
        if let Some(sent) = request.cookie(COOKIE) {
            self.live.invalidate(&digest_of(sent.value()));
        }
        let mut gone = cookie(COOKIE, String::new());
        gone.make_removal();
        gone
    }

    /// 256 random bits, base64url.
    pub(super) fn token(&self) -> Result<Zeroizing<String>, NoRandom> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.random.fill(bytes.as_mut_slice()).map_err(|_| NoRandom)?;
        Ok(Zeroizing::new(BASE64URL_NOPAD.encode(bytes.as_slice())))
    }
}

/// A cookie for this host only, over TLS only, out of reach of scripts, not sent from other sites.
pub(super) fn cookie(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .finish()
}

fn digest_of(token: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use actix_web::test::TestRequest;

    use super::*;
    use crate::{clock::ManualClock, department::Role};

    fn account() -> Account {
        Account {
            id: OperatorId::parse("clerk-1").unwrap(),
            department: None,
            role: Role::Clerk,
            password_hash: "$argon2id$1".to_owned(),
            disabled: false,
        }
    }

    fn opened() -> (Sessions, Arc<ManualClock>, HttpRequest) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let sessions = Sessions::new(clock.clone());
        let cookie = sessions.open(&account()).unwrap();
        let request = TestRequest::default().cookie(cookie).to_http_request();
        (sessions, clock, request)
    }

    #[test]
    fn a_session_ends_after_half_an_hour_without_a_request() {
        let (sessions, clock, request) = opened();
        clock.advance(Duration::from_secs(1_799));
        assert!(sessions.of(&request).is_some());
        clock.advance(Duration::from_secs(1_799));
        assert!(sessions.of(&request).is_some());
        clock.advance(Duration::from_secs(1_800));
        assert!(sessions.of(&request).is_none());
    }

    #[test]
    fn a_session_ends_after_eight_hours_however_busy_it_was() {
        let (sessions, clock, request) = opened();
        for _ in 0..31 {
            clock.advance(Duration::from_secs(900));
            assert!(sessions.of(&request).is_some());
        }
        clock.advance(Duration::from_secs(900));
        assert!(sessions.of(&request).is_none());
    }

    #[test]
    fn a_closed_session_and_a_made_up_token_are_nobodys() {
        let (sessions, _, request) = opened();
        assert_eq!(sessions.close(&request).value(), "");
        assert!(sessions.of(&request).is_none());
        let made_up = cookie(COOKIE, "A".repeat(43));
        assert!(
            sessions
                .of(&TestRequest::default().cookie(made_up).to_http_request())
                .is_none()
        );
    }

    #[test]
    fn a_session_opened_with_another_password_than_the_account_has_now_is_not_its() {
        let (sessions, _, request) = opened();
        let session = sessions.of(&request).unwrap();
        assert!(session.is_of(&account()));
        let changed = Account {
            password_hash: "$argon2id$2".to_owned(),
            ..account()
        };
        assert!(!session.is_of(&changed));
    }
}
