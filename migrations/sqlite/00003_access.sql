-- +goose Up
ALTER TABLE organisations ADD COLUMN languages   TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(languages) AND json_type(languages) = 'array'); -- the first one by default; none: as a questionnaire has them
ALTER TABLE organisations ADD COLUMN accent      TEXT NOT NULL DEFAULT '' CHECK (accent = '' OR length(accent) = 7 AND substr(accent, 1, 1) = '#' AND substr(accent, 2) NOT GLOB '*[^0-9a-f]*');
ALTER TABLE organisations ADD COLUMN logo        BLOB CHECK (length(logo) BETWEEN 1 AND 65536);
ALTER TABLE organisations ADD COLUMN logo_kind   TEXT NOT NULL DEFAULT '' CHECK (logo_kind IN ('', 'image/png', 'image/jpeg', 'image/webp') AND (logo_kind = '') = (logo IS NULL));
-- Proposed for new waves.
ALTER TABLE organisations ADD COLUMN threshold   INTEGER NOT NULL DEFAULT 5 CHECK (threshold >= 1);
ALTER TABLE organisations ADD COLUMN comments    INTEGER NOT NULL DEFAULT 10 CHECK (comments >= threshold);
ALTER TABLE organisations ADD COLUMN retention   INTEGER NOT NULL DEFAULT 0 CHECK (retention >= 0); -- days; 0 is no proposal
ALTER TABLE organisations ADD COLUMN archived_at DATETIME;

-- Who signs in, once for all organisations.
CREATE TABLE users (
	id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	address       TEXT NOT NULL CHECK (address <> '' AND address = lower(address)),
	name          TEXT NOT NULL,
	language      TEXT NOT NULL, -- '' is as the browser asks
	password_hash TEXT NOT NULL, -- '' is none
	second_factor BLOB CHECK (length(second_factor) > 0), -- the sealed secret
	factor_step   INTEGER NOT NULL DEFAULT 0, -- the time step of the last code that was used: each works once
	issuer        TEXT NOT NULL, -- of single sign-on; '' is none
	subject       TEXT NOT NULL, -- who the user is to the issuer
	administrator BOOLEAN NOT NULL,
	disabled      BOOLEAN NOT NULL,
	created_at    DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')),
	signed_in_at  DATETIME,
	CONSTRAINT users_address UNIQUE (address),
	CONSTRAINT users_issuer CHECK ((issuer = '') = (subject = ''))
);
CREATE UNIQUE INDEX users_subject ON users (issuer, subject) WHERE issuer <> '';

CREATE TABLE recovery_codes (
	user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	hash    BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the code, which goes when it is used
	PRIMARY KEY (user_id, hash)
) WITHOUT ROWID;

-- Who works in which organisation. What a member was given there goes with the membership.
CREATE TABLE members (
	organisation_id INTEGER NOT NULL REFERENCES organisations (id),
	user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	PRIMARY KEY (organisation_id, user_id)
) WITHOUT ROWID;
CREATE INDEX members_user ON members (user_id);

CREATE TABLE member_roles (
	organisation_id INTEGER NOT NULL,
	user_id         INTEGER NOT NULL,
	role            TEXT NOT NULL CHECK (role IN ('owner', 'hr', 'analyst', 'consultant', 'viewer')),
	from_group      BOOLEAN NOT NULL DEFAULT false, -- of single sign-on: goes when the group has it no longer
	PRIMARY KEY (organisation_id, user_id, role),
	FOREIGN KEY (organisation_id, user_id) REFERENCES members (organisation_id, user_id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE sessions (
	hash       TEXT NOT NULL PRIMARY KEY CHECK (hash <> ''), -- of the cookie
	user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE, -- null while nobody has signed in
	agent      TEXT NOT NULL,
	started_at DATETIME NOT NULL,
	seen_at    DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	-- The row of a session that was ended stays until it would have expired: a request that was on its way then
	-- must not bring the session back.
	ended      BOOLEAN NOT NULL DEFAULT false,
	data       BLOB NOT NULL,
	CONSTRAINT sessions_ended CHECK (NOT ended OR length(data) = 0)
) WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_expire ON sessions (expires_at);

-- Links that work once. The newer of a kind replaces the older.
CREATE TABLE sign_in_links (
	hash       BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the secret in the link
	kind       TEXT NOT NULL CHECK (kind IN ('set-up', 'invitation', 'reset')),
	user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
	expires_at DATETIME NOT NULL,
	CONSTRAINT sign_in_links_user CHECK ((kind = 'set-up') = (user_id IS NULL))
) WITHOUT ROWID;
CREATE UNIQUE INDEX sign_in_links_of_user ON sign_in_links (user_id, kind);
CREATE UNIQUE INDEX sign_in_links_set_up ON sign_in_links (kind) WHERE user_id IS NULL;

-- What programs sign in with.
CREATE TABLE api_tokens (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL,
	user_id         INTEGER NOT NULL, -- who made it
	name            TEXT NOT NULL CHECK (name <> ''),
	rights          TEXT NOT NULL CHECK (json_valid(rights) AND json_type(rights) = 'array'),
	prefix          TEXT NOT NULL,
	hash            BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the token
	created_at      DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')),
	expires_at      DATETIME NOT NULL,
	used_on         DATE, -- the last day
	revoked_at      DATETIME,
	CONSTRAINT api_tokens_hash UNIQUE (hash),
	FOREIGN KEY (organisation_id, user_id) REFERENCES members (organisation_id, user_id) ON DELETE CASCADE
);
CREATE INDEX api_tokens_of_member ON api_tokens (organisation_id, user_id);

-- Saved views of results, and to whom they were named.
CREATE TABLE views (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL REFERENCES organisations (id),
	name            TEXT NOT NULL CHECK (name <> ''),
	query           TEXT NOT NULL, -- of the page's address
	maker_id        INTEGER REFERENCES users (id) ON DELETE SET NULL,
	created_at      DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')),
	CONSTRAINT views_organisation UNIQUE (id, organisation_id)
);
CREATE INDEX views_of_organisation ON views (organisation_id);
CREATE INDEX views_of_maker ON views (maker_id) WHERE maker_id IS NOT NULL;

CREATE TABLE view_viewers (
	view_id         INTEGER NOT NULL,
	user_id         INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	PRIMARY KEY (view_id, user_id),
	FOREIGN KEY (view_id, organisation_id) REFERENCES views (id, organisation_id) ON DELETE CASCADE,
	FOREIGN KEY (organisation_id, user_id) REFERENCES members (organisation_id, user_id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX view_viewers_of_member ON view_viewers (organisation_id, user_id);

-- Which role a group of single sign-on has in which organisation.
CREATE TABLE group_roles (
	group_name      TEXT NOT NULL CHECK (group_name <> ''),
	organisation_id INTEGER NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
	role            TEXT NOT NULL CHECK (role IN ('owner', 'hr', 'analyst', 'consultant', 'viewer')),
	PRIMARY KEY (group_name, organisation_id, role)
) WITHOUT ROWID;
CREATE INDEX group_roles_of_organisation ON group_roles (organisation_id);

-- Who did what. Nothing is referred to, since the trail outlives what it tells of, and nothing in it changes.
CREATE TABLE audit_events (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	at              DATETIME NOT NULL,
	organisation_id INTEGER, -- null is the whole instance
	actor           TEXT NOT NULL CHECK (actor IN ('user', 'token', 'command', 'service')),
	user_id         INTEGER,
	who             TEXT NOT NULL, -- as the actor was called then
	action          TEXT NOT NULL CHECK (action <> ''),
	subject         TEXT NOT NULL,
	details         TEXT NOT NULL CHECK (json_valid(details) AND json_type(details) = 'object'),
	request         TEXT NOT NULL
);
CREATE INDEX audit_events_of_organisation ON audit_events (organisation_id, at, id);
CREATE INDEX audit_events_at ON audit_events (at, id);
-- +goose StatementBegin
CREATE TRIGGER audit_events_change BEFORE UPDATE ON audit_events
BEGIN
	SELECT RAISE(ABORT, 'the audit trail is only added to');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_events_delete BEFORE DELETE ON audit_events
BEGIN
	SELECT RAISE(ABORT, 'the audit trail is only added to');
END;
-- +goose StatementEnd
-- REPLACE takes a row away and puts another in its place, which no trigger on changes sees.
-- +goose StatementBegin
CREATE TRIGGER audit_events_replaced BEFORE INSERT ON audit_events
	FOR EACH ROW WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id)
BEGIN
	SELECT RAISE(ABORT, 'the audit trail is only added to');
END;
-- +goose StatementEnd

-- +goose Down
-- The audit trail is not thrown away.
CREATE TABLE unreadable (events INTEGER NOT NULL CONSTRAINT audit_trail_stays CHECK (events = 0));
INSERT INTO unreadable SELECT count(*) FROM audit_events;
DROP TABLE unreadable;
DROP TRIGGER audit_events_replaced;
DROP TRIGGER audit_events_delete;
DROP TRIGGER audit_events_change;
DROP TABLE audit_events;
DROP TABLE group_roles;
DROP TABLE view_viewers;
DROP TABLE views;
DROP TABLE api_tokens;
DROP TABLE sign_in_links;
DROP TABLE sessions;
DROP TABLE member_roles;
DROP TABLE members;
DROP TABLE recovery_codes;
DROP TABLE users;
ALTER TABLE organisations DROP COLUMN archived_at;
ALTER TABLE organisations DROP COLUMN retention;
ALTER TABLE organisations DROP COLUMN comments;
ALTER TABLE organisations DROP COLUMN threshold;
ALTER TABLE organisations DROP COLUMN logo_kind;
ALTER TABLE organisations DROP COLUMN logo;
ALTER TABLE organisations DROP COLUMN accent;
ALTER TABLE organisations DROP COLUMN languages;
