-- Certificates as OFD, beside their PDF.
CREATE TABLE ofd_documents (
  identifier TEXT PRIMARY KEY REFERENCES certificates (identifier),
  sha256 BLOB NOT NULL UNIQUE,
  body BLOB NOT NULL
) STRICT;
