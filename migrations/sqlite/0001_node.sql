-- Departments, their systems and credentials.
CREATE TABLE departments (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;

CREATE TABLE systems (
  id TEXT PRIMARY KEY,
  department TEXT NOT NULL REFERENCES departments (id),
  body TEXT NOT NULL
) STRICT;

CREATE TABLE credentials (
  thumbprint BLOB PRIMARY KEY,
  system TEXT NOT NULL REFERENCES systems (id),
  subject TEXT NOT NULL,
  not_after TEXT NOT NULL,
  revoked_at TEXT
) STRICT;

-- What was answered to a system's Idempotency-Key; status is NULL while the first request is still being answered.
CREATE TABLE replies (
  system TEXT NOT NULL,
  key TEXT NOT NULL,
  request_sha256 BLOB NOT NULL,
  claimed_at INTEGER NOT NULL,
  status INTEGER,
  body BLOB,
  PRIMARY KEY (system, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX replies_by_age ON replies (claimed_at);

-- The catalogue.
CREATE TABLE resources (code TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE grants (id TEXT PRIMARY KEY, resource TEXT NOT NULL REFERENCES resources (code), body TEXT NOT NULL) STRICT;

CREATE TABLE dataset_rows (
  resource TEXT NOT NULL REFERENCES resources (code),
  subject TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (resource, subject, ordinal)
) STRICT, WITHOUT ROWID;

-- Service items and cases.
CREATE TABLE service_items (code TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;

CREATE TABLE cases (
  id TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  closed_at TEXT,
  body TEXT NOT NULL -- the case without its events, as it was opened
) STRICT;

CREATE TABLE case_events (
  case_id TEXT NOT NULL REFERENCES cases (id),
  ordinal INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (case_id, ordinal)
) STRICT, WITHOUT ROWID;

-- E-certificates; document_sha256 is NULL while one is prepared and not yet sealed.
CREATE TABLE certificates (
  identifier TEXT PRIMARY KEY,
  certificate_type TEXT NOT NULL,
  issuer TEXT NOT NULL,
  holder TEXT NOT NULL,
  case_id TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  issued_at TEXT NOT NULL,
  valid_from TEXT NOT NULL,
  valid_until TEXT NOT NULL,
  revocation TEXT,
  verification_code TEXT NOT NULL UNIQUE,
  document_sha256 BLOB UNIQUE,
  idempotency_key TEXT NOT NULL,
  request_sha256 BLOB NOT NULL,
  UNIQUE (requested_by, idempotency_key)
) STRICT;

CREATE TABLE documents (identifier TEXT PRIMARY KEY REFERENCES certificates (identifier), body BLOB NOT NULL) STRICT;

CREATE TABLE serials (
  issuer TEXT NOT NULL,
  certificate_type TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (issuer, certificate_type)
) STRICT, WITHOUT ROWID;

-- The audit log. No secondary index on entries: appending is the node's hot path.
CREATE TABLE entries (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE probes (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;

CREATE TABLE tiles (
  level INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), tree_size INTEGER NOT NULL, note TEXT NOT NULL) STRICT;

CREATE TABLE search (
  sequence INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  department TEXT,
  system TEXT,
  resource TEXT,
  case_id TEXT,
  subject TEXT
) STRICT;
CREATE INDEX search_by_time ON search (at_us);
CREATE INDEX search_by_department ON search (department) WHERE department IS NOT NULL;
CREATE INDEX search_by_system ON search (system) WHERE system IS NOT NULL;
CREATE INDEX search_by_resource ON search (resource) WHERE resource IS NOT NULL;
CREATE INDEX search_by_case ON search (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX search_by_subject ON search (subject) WHERE subject IS NOT NULL;

-- Raised with every change of what nodes keep in memory, so that they notice the changes of other processes.
CREATE TABLE generation (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
INSERT INTO generation (id, value) VALUES (1, 0);
