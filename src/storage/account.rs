use futures_util::future::BoxFuture;

use super::{Db, StorageError, unreadable};
use crate::{
    department::{Account, AccountStore, Role, StoreFault},
    ids::{DepartmentId, OperatorId},
};

impl AccountStore for Db {
    fn account<'a>(&'a self, id: &'a OperatorId) -> BoxFuture<'a, Result<Option<Account>, StoreFault>> {
        Box::pin(async move {
            let row: Option<AccountRow> =
                sqlx::query_as("SELECT id, department, role, password_hash, disabled FROM accounts WHERE id = $1")
                    .bind(id.as_str())
                    .fetch_optional(self.readers())
                    .await?;
            Ok(row.map(account).transpose()?)
        })
    }

    fn accounts(&self) -> BoxFuture<'_, Result<Vec<Account>, StoreFault>> {
        Box::pin(async {
            let rows: Vec<AccountRow> =
                sqlx::query_as("SELECT id, department, role, password_hash, disabled FROM accounts ORDER BY id")
                    .fetch_all(self.readers())
                    .await?;
            let accounts: Result<Vec<_>, _> = rows.into_iter().map(account).collect();
            Ok(accounts?)
        })
    }

    fn put_account<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO accounts (id, department, role, password_hash, disabled) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET department = excluded.department, role = excluded.role, \
                 password_hash = excluded.password_hash, disabled = excluded.disabled",
            )
            .bind(account.id.as_str())
            .bind(account.department.as_ref().map(DepartmentId::as_str))
            .bind(account.role.as_str())
            .bind(account.password_hash.as_str())
            .bind(account.disabled);
            self.write(query).await?;
            Ok(())
        })
    }
}

type AccountRow = (String, Option<String>, String, String, bool);

fn account((id, department, role, password_hash, disabled): AccountRow) -> Result<Account, StorageError> {
    let wrong = |what: &'static str| unreadable("accounts", what);
    Ok(Account {
        id: OperatorId::parse(&id).map_err(|_| wrong("an id is not of the right form"))?,
        department: department
            .map(|id| DepartmentId::parse(&id).map_err(|_| wrong("a department is not of the right form")))
            .transpose()?,
        role: Role::parse(&role).ok_or_else(|| wrong("a role is not known"))?,
        password_hash,
        disabled,
    })
}
