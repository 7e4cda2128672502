-- Local accounts of the portal.
CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  department TEXT,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  disabled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
