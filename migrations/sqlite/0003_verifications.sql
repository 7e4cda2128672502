-- Reports on verifications, for a time: never the documents, never their names.
CREATE TABLE verifications (
  id TEXT PRIMARY KEY,
  verified_at INTEGER NOT NULL, -- seconds since 1970
  bytes INTEGER NOT NULL, -- of the report, and of it sealed in each language
  body BLOB NOT NULL -- the report as JSON, deflated
) STRICT, WITHOUT ROWID;
CREATE INDEX verifications_by_age ON verifications (verified_at, bytes);

-- The report as it was sealed when it was first asked for, once a language.
CREATE TABLE sealed_reports (
  verification TEXT NOT NULL REFERENCES verifications (id) ON DELETE CASCADE,
  lang TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (verification, lang)
) STRICT, WITHOUT ROWID;
