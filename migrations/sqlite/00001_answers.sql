-- +goose Up
CREATE TABLE organisations (
	id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name       TEXT NOT NULL,
	created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'))
);

-- The one organisation there is before others are made.
INSERT INTO organisations (id, name) VALUES (1, 'default');

-- A stored version does not change: there is no statement that updates one.
CREATE TABLE versions (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL REFERENCES organisations (id),
	code            TEXT NOT NULL,
	number          INTEGER NOT NULL CHECK (number >= 1),
	source          BLOB NOT NULL, -- YAML
	frames          TEXT NOT NULL CHECK (json_valid(frames)), -- code frames by file name, base64
	stored_at       DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')),
	CONSTRAINT versions_number UNIQUE (organisation_id, code, number),
	CONSTRAINT versions_organisation UNIQUE (id, organisation_id) -- what rows of the same organisation refer to
);

CREATE TABLE waves (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL REFERENCES organisations (id),
	version_id      INTEGER NOT NULL,
	name            TEXT NOT NULL,
	audience        TEXT NOT NULL,
	slug            TEXT NOT NULL CHECK (slug <> ''),
	state           TEXT NOT NULL CHECK (state IN ('draft', 'open', 'closed')),
	opens_at        DATETIME,
	closes_at       DATETIME,
	response_limit  INTEGER NOT NULL CHECK (response_limit >= 0), -- 0 is none
	threshold       INTEGER NOT NULL CHECK (threshold >= 1),
	promise         TEXT NOT NULL CHECK (json_valid(promise)),
	simulated       BOOLEAN NOT NULL,
	generation      INTEGER NOT NULL DEFAULT 1, -- grows when responses are deleted
	created_at      DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')),
	CONSTRAINT waves_slug UNIQUE (slug),
	CONSTRAINT waves_organisation UNIQUE (id, organisation_id),
	FOREIGN KEY (version_id, organisation_id) REFERENCES versions (id, organisation_id)
);
CREATE INDEX waves_of_organisation ON waves (organisation_id);
CREATE INDEX waves_of_version ON waves (version_id);

-- What people were promised about small groups can be made stricter, never looser.
-- +goose StatementBegin
CREATE TRIGGER waves_threshold BEFORE UPDATE OF threshold ON waves
	FOR EACH ROW WHEN NEW.threshold < OLD.threshold
BEGIN
	SELECT RAISE(ABORT, 'the threshold of a wave is only raised');
END;
-- +goose StatementEnd

CREATE TABLE responses (
	id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32), -- random: ids tell nothing of who came first
	organisation_id INTEGER NOT NULL,
	wave_id         INTEGER NOT NULL,
	version_id      INTEGER NOT NULL,
	key_hash        BLOB, -- SHA-256 of the respondent's secret; imported responses have none
	language        TEXT NOT NULL,
	seed            INTEGER NOT NULL, -- the bits of an unsigned number
	page            INTEGER NOT NULL CHECK (page >= 0),
	revision        INTEGER NOT NULL CHECK (revision >= 0),
	answers         TEXT NOT NULL CHECK (json_valid(answers) AND json_type(answers) = 'object'),
	weight          REAL NOT NULL CHECK (weight > 0 AND weight < 9e999),
	person          TEXT NOT NULL, -- respondent of imported answers; '' is unknown
	started_at      DATETIME NOT NULL,
	completed_at    DATETIME, -- null is a draft
	-- The place of the response among those of its wave that are complete. There is one writer, so a higher
	-- number is committed later.
	tx              INTEGER,
	CONSTRAINT responses_key UNIQUE (wave_id, key_hash),
	CONSTRAINT responses_complete CHECK ((completed_at IS NULL) = (tx IS NULL)),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id),
	FOREIGN KEY (version_id, organisation_id) REFERENCES versions (id, organisation_id)
);
CREATE INDEX responses_completed ON responses (wave_id, tx) WHERE tx IS NOT NULL;

-- +goose Down
DROP TABLE responses;
DROP TABLE waves;
DROP TABLE versions;
DROP TABLE organisations;
