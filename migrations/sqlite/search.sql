-- What searches of the log go by. Made from the entries; a table of before this version is dropped. Where an entry has a text,
-- there is the key of that text here.
DROP TABLE IF EXISTS search;
CREATE TABLE search_2 (
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
CREATE INDEX search_2_by_time ON search_2 (at_us);
CREATE INDEX search_2_by_department ON search_2 (department) WHERE department IS NOT NULL;
CREATE INDEX search_2_by_system ON search_2 (system) WHERE system IS NOT NULL;
CREATE INDEX search_2_by_resource ON search_2 (resource) WHERE resource IS NOT NULL;
CREATE INDEX search_2_by_case ON search_2 (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX search_2_by_subject ON search_2 (subject) WHERE subject IS NOT NULL;
-- Programs of before look here, and then make their own table.
PRAGMA user_version = 2;
