-- What searches of the log go by has a file of its own, which is made from the entries.
DROP TABLE search;
