use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{StoreFault, throttle::Throttle};
use crate::{
    clock::SharedClock,
    ids::{DepartmentId, OperatorId},
};

/// The shortest password of an account, in characters.
pub const PASSWORD_MIN: usize = 12;
/// The longest password that is looked at, in bytes: hashing more would be work for nothing.
pub const PASSWORD_MAX: usize = 1_024;
/// Passwords that are hashed at a time, at most; each takes 19 MiB.
const HASHING_AT_A_TIME: usize = 4;

/// A local account of the portal.
#[derive(Clone, PartialEq)]
pub struct Account {
    /// The account's name: a staff number, never a person's name.
    pub id: OperatorId,
    /// The department that the person works for; none for the node's own staff.
    pub department: Option<DepartmentId>,
    pub role: Role,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    pub disabled: bool,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("department", &self.department)
            .field("role", &self.role)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// What an account may do. An account has one role, so that nobody both acts and audits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Clerk,
    Notary,
    Auditor,
    Publisher,
    Approver,
    Admin,
}

impl Role {
    pub const ALL: [Self; 6] = [
        Self::Clerk,
        Self::Notary,
        Self::Auditor,
        Self::Publisher,
        Self::Approver,
        Self::Admin,
    ];

    /// Its name in the store and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
            Self::Notary => "notary",
            Self::Auditor => "auditor",
            Self::Publisher => "publisher",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// Keeps accounts. What it acknowledges is durable.
pub trait AccountStore: Send + Sync {
    fn account<'a>(&'a self, id: &'a OperatorId) -> BoxFuture<'a, Result<Option<Account>, StoreFault>>;
    /// Every account, by id.
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<Account>, StoreFault>>;
    /// Writes the account whole, new or not.
    fn put_account<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<(), StoreFault>>;
}

/// Why nobody is signed in, or no account is kept.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// An unknown account, a wrong password or a disabled account: the same answer, so that nobody learns which.
    /// `known` is for the audit log only.
    #[error("the account or the password is wrong")]
    Wrong { known: Option<OperatorId> },
    #[error("too many attempts: wait {retry_after_s} seconds")]
    TooManyAttempts { retry_after_s: u64 },
    #[error("a password must have {PASSWORD_MIN} characters or more, and {PASSWORD_MAX} bytes at most")]
    PasswordLength,
    #[error("the password cannot be hashed")]
    Hash,
    #[error("the store cannot answer")]
    Store(#[source] StoreFault),
}

/// The portal's accounts, and the only way to be signed in with one.
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    throttle: Throttle,
    hashing: Semaphore,
    /// What the password of an unknown account is checked against, so that it takes as long as for a known one.
    nobody: String,
}

impl Accounts {
    pub fn open(store: Arc<dyn AccountStore>, clock: SharedClock) -> Result<Self, AccountError> {
        Ok(Self {
            store,
            throttle: Throttle::new(clock),
            hashing: Semaphore::new(HASHING_AT_A_TIME),
            nobody: hash(b"the password of nobody")?,
        })
    }

    /// Checks a password. `address` is where the attempt comes from: attempts are counted for the account and for the
    /// address, and each failure after the first few makes the next attempt wait longer.
    pub async fn sign_in(
        &self,
        name: &str,
        password: Zeroizing<String>,
        address: &str,
    ) -> Result<Account, AccountError> {
        self.throttle
            .admit(name, address)
            .map_err(|retry_after_s| AccountError::TooManyAttempts { retry_after_s })?;
        let account = match OperatorId::parse(name) {
            Ok(id) => self.store.account(&id).await.map_err(AccountError::Store)?,
            Err(_) => None,
        };
        let against = account
            .as_ref()
            .map_or_else(|| self.nobody.clone(), |account| account.password_hash.clone());
        let right = self.check(password, against).await?;
        match account {
            Some(account) if right && !account.disabled => {
                self.throttle.clear(name);
                Ok(account)
            }
            account => Err(AccountError::Wrong {
                known: account.map(|account| account.id),
            }),
        }
    }

    /// The account as it is now; none when it is unknown or disabled.
    pub async fn active(&self, id: &OperatorId) -> Result<Option<Account>, AccountError> {
        let account = self.store.account(id).await.map_err(AccountError::Store)?;
        Ok(account.filter(|account| !account.disabled))
    }

    /// Every account, by id.
    pub async fn all(&self) -> Result<Vec<Account>, AccountError> {
        self.store.accounts().await.map_err(AccountError::Store)
    }

    /// Adds an account, or replaces the one of this id.
    pub async fn put(
        &self,
        id: OperatorId,
        department: Option<DepartmentId>,
        role: Role,
        password: &str,
    ) -> Result<Account, AccountError> {
        if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_MAX {
            return Err(AccountError::PasswordLength);
        }
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let account = Account {
            id,
            department,
            role,
            password_hash: blocking(move || hash(&password)).await??,
            disabled: false,
        };
        self.store.put_account(&account).await.map_err(AccountError::Store)?;
        Ok(account)
    }

    /// Disables an account: its sessions end with their next request.
    pub async fn disable(&self, id: &OperatorId) -> Result<bool, AccountError> {
        let Some(account) = self.store.account(id).await.map_err(AccountError::Store)? else {
            return Ok(false);
        };
        let account = Account {
            disabled: true,
            ..account
        };
        self.store.put_account(&account).await.map_err(AccountError::Store)?;
        Ok(true)
    }

    async fn check(&self, password: Zeroizing<String>, against: String) -> Result<bool, AccountError> {
        // A password over the limit is hashed cut short, and is wrong whatever comes out.
        let fits = password.len() <= PASSWORD_MAX;
        let _permit = self.hashing.acquire().await.map_err(|_| AccountError::Hash)?;
        let right = blocking(move || {
            let bytes = password.as_bytes();
            let bytes = bytes.get(..bytes.len().min(PASSWORD_MAX)).unwrap_or_default();
            PasswordHash::new(&against)
                .is_ok_and(|hash| argon2().is_ok_and(|a| a.verify_password(bytes, &hash).is_ok()))
        })
        .await?;
        Ok(right && fits)
    }
}

/// Argon2id with the first of OWASP's parameters: 19 MiB, two passes, one lane.
fn argon2() -> Result<Argon2<'static>, AccountError> {
    let params = Params::new(19_456, 2, 1, None).map_err(|_| AccountError::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8]) -> Result<String, AccountError> {
    let hash = argon2()?.hash_password(password).map_err(|_| AccountError::Hash)?;
    Ok(hash.to_string())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AccountError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| AccountError::Hash)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{collections::HashMap, sync::Mutex, time::Duration};

    use jiff::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    #[derive(Default)]
    struct Memory(Mutex<HashMap<OperatorId, Account>>);

    impl AccountStore for Memory {
        fn account<'a>(&'a self, id: &'a OperatorId) -> BoxFuture<'a, Result<Option<Account>, StoreFault>> {
            Box::pin(async move { Ok(self.0.lock().unwrap().get(id).cloned()) })
        }

        fn accounts(&self) -> BoxFuture<'_, Result<Vec<Account>, StoreFault>> {
            Box::pin(async move { Ok(self.0.lock().unwrap().values().cloned().collect()) })
        }

        fn put_account<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<(), StoreFault>> {
            Box::pin(async move {
                self.0.lock().unwrap().insert(account.id.clone(), account.clone());
                Ok(())
            })
        }
    }

    const PASSWORD: &str = "made up for this test";

    async fn accounts() -> (Accounts, Arc<ManualClock>) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let accounts = Accounts::open(Arc::new(Memory::default()), clock.clone()).unwrap();
        let id = OperatorId::parse("auditor-1").unwrap();
        accounts.put(id, None, Role::Auditor, PASSWORD).await.unwrap();
        (accounts, clock)
    }

    fn password(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_of_an_active_account_signs_in() {
        let (accounts, _) = accounts().await;
        let account = accounts.sign_in("auditor-1", password(PASSWORD), "a").await.unwrap();
        assert_eq!(account.role, Role::Auditor);
        for (name, text) in [
            ("auditor-1", "wrong"),
            ("nobody", PASSWORD),
            ("not an id 示例", PASSWORD),
        ] {
            let error = accounts.sign_in(name, password(text), name).await.unwrap_err();
            assert!(matches!(error, AccountError::Wrong { .. }), "{name}: {error}");
        }
        assert!(accounts.disable(&account.id).await.unwrap());
        assert!(accounts.sign_in("auditor-1", password(PASSWORD), "a").await.is_err());
        assert!(accounts.active(&account.id).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn after_failures_even_the_right_password_has_to_wait_and_then_counts_again() {
        let (accounts, clock) = accounts().await;
        let mut waited = None;
        for attempt in 0..20 {
            match accounts
                .sign_in("auditor-1", password("wrong"), &attempt.to_string())
                .await
            {
                Err(AccountError::TooManyAttempts { retry_after_s }) => {
                    waited = Some(retry_after_s);
                    break;
                }
                other => assert!(matches!(other, Err(AccountError::Wrong { .. }))),
            }
        }
        let wait = waited.unwrap();
        let early = accounts.sign_in("auditor-1", password(PASSWORD), "another").await;
        assert!(matches!(early, Err(AccountError::TooManyAttempts { .. })));
        clock.advance(Duration::from_secs(wait));
        assert!(
            accounts
                .sign_in("auditor-1", password(PASSWORD), "another")
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_short_password_is_not_taken_and_debug_hides_the_hash() {
        let (accounts, _) = accounts().await;
        let id = OperatorId::parse("clerk-1").unwrap();
        let refused = accounts.put(id, None, Role::Clerk, "short").await;
        assert!(matches!(refused, Err(AccountError::PasswordLength)));
        let shown = format!("{:?}", accounts.all().await.unwrap());
        assert!(shown.contains("auditor-1") && !shown.contains("argon2"), "{shown}");
    }
}
