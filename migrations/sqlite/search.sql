-- What searches of the log go by. Made from the entries; of another version, it is made anew. Where an entry has a text,
-- there is the key of that text here.
DROP TABLE IF EXISTS search;
CREATE TABLE search (
  sequence INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  action INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  department INTEGER,
  system INTEGER,
  resource INTEGER,
  case_id INTEGER,
  subject INTEGER
) STRICT;
CREATE INDEX search_by_time ON search (at_us);
CREATE INDEX search_by_department ON search (department) WHERE department IS NOT NULL;
CREATE INDEX search_by_system ON search (system) WHERE system IS NOT NULL;
CREATE INDEX search_by_resource ON search (resource) WHERE resource IS NOT NULL;
CREATE INDEX search_by_case ON search (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX search_by_subject ON search (subject) WHERE subject IS NOT NULL;
PRAGMA user_version = 2;
