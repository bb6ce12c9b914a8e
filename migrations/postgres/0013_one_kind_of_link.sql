-- A link of the first login is an invitation for somebody who is there already.
DROP TABLE console_links;
