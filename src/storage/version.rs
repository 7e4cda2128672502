use sqlx::SqliteConnection;

use super::StorageError;

/// The first SQLite without the WAL-reset bug, by which a checkpoint could lose commits.
const OLDEST: (u32, u32, u32) = (3, 51, 3);

/// Refuses a SQLite library that is too old to keep what it acknowledges.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), StorageError> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await?;
    if is_sound(&found) {
        Ok(())
    } else {
        Err(StorageError::TooOld { found })
    }
}

/// Whether a version text such as `3.51.3` names a sound version; one that cannot be read is none.
fn is_sound(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => (major, minor, patch) >= OLDEST,
        (Some(Ok(major)), Some(Ok(minor)), None) => (major, minor, 0) >= OLDEST,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sqlx::Connection;

    use super::*;

    #[test]
    fn versions_before_3_51_3_are_refused() {
        for old in [
            "3.51.2", "3.51", "3.50.4", "3.9.99", "2.99.99", "", "3", "3.x.3", "three",
        ] {
            assert!(!is_sound(old), "{old}");
        }
        for sound in ["3.51.3", "3.51.10", "3.52", "3.52.0", "3.100.0", "4.0.0"] {
            assert!(is_sound(sound), "{sound}");
        }
    }

    #[tokio::test]
    async fn the_library_that_is_linked_is_sound() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        check(&mut connection).await.unwrap();
    }
}
