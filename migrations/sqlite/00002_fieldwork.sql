-- +goose Up
ALTER TABLE waves ADD COLUMN mode        TEXT NOT NULL DEFAULT 'confidential' CHECK (mode IN ('identified', 'confidential', 'anonymous'));
ALTER TABLE waves ADD COLUMN comments    INTEGER NOT NULL DEFAULT 1 CHECK (comments >= 1); -- the threshold of comments
ALTER TABLE waves ADD COLUMN reported    TEXT CHECK (json_valid(reported)); -- codes of what results are split by; null is every background item
ALTER TABLE waves ADD COLUMN segments    TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(segments)); -- what the panel says of those invited
ALTER TABLE waves ADD COLUMN launched_at DATETIME;
ALTER TABLE waves ADD COLUMN invited     INTEGER NOT NULL DEFAULT 0 CHECK (invited >= 0);
ALTER TABLE waves ADD COLUMN open_link   BOOLEAN NOT NULL DEFAULT true;
ALTER TABLE waves ADD COLUMN once_per    BOOLEAN NOT NULL DEFAULT true;
ALTER TABLE waves ADD COLUMN kiosk       BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE waves ADD COLUMN tracks      BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE waves ADD COLUMN time_zone   TEXT NOT NULL DEFAULT '';
ALTER TABLE waves ADD COLUMN quiet_from  INTEGER NOT NULL DEFAULT 0 CHECK (quiet_from BETWEEN 0 AND 23);
ALTER TABLE waves ADD COLUMN quiet_until INTEGER NOT NULL DEFAULT 0 CHECK (quiet_until BETWEEN 0 AND 23);
ALTER TABLE waves ADD COLUMN erases_at   DATETIME;
ALTER TABLE waves ADD COLUMN erased_at   DATETIME;
ALTER TABLE waves ADD COLUMN cuts        TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(cuts)); -- when results were split, and what was shown
ALTER TABLE waves ADD COLUMN held        TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(held)); -- which threshold held from which release on
ALTER TABLE waves ADD COLUMN releases    INTEGER NOT NULL DEFAULT 0 CHECK (releases >= 0);
DROP TRIGGER waves_threshold; -- made anew below, stricter
UPDATE waves SET comments = threshold;

-- Who can be invited.
CREATE TABLE people (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL REFERENCES organisations (id),
	key             TEXT NOT NULL CHECK (key <> ''),
	address         TEXT NOT NULL, -- '' is none
	mailbox         TEXT NOT NULL, -- the address in lower case
	name            TEXT NOT NULL,
	language        TEXT NOT NULL, -- '' is not known
	attributes      TEXT NOT NULL CHECK (json_valid(attributes) AND json_type(attributes) = 'object'), -- as given, by the attribute's key
	search          TEXT NOT NULL, -- name, address and key without case and diacritics
	active          BOOLEAN NOT NULL,
	unsubscribed_at DATETIME,
	bounced_at      DATETIME,
	bounce_reason   TEXT NOT NULL DEFAULT '',
	updated_at      DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')),
	CONSTRAINT people_key UNIQUE (organisation_id, key),
	CONSTRAINT people_organisation UNIQUE (id, organisation_id)
);
CREATE INDEX people_search ON people (organisation_id, search, id);
CREATE INDEX people_mailbox ON people (organisation_id, mailbox) WHERE mailbox <> '';

CREATE TABLE attributes (
	organisation_id INTEGER NOT NULL REFERENCES organisations (id),
	key             TEXT NOT NULL CHECK (key <> ''),
	name            TEXT NOT NULL,
	type            TEXT NOT NULL CHECK (type IN ('text', 'number', 'date')),
	PRIMARY KEY (organisation_id, key)
);

-- Every value that was ever given. How it is read changes, what was given does not.
CREATE TABLE attribute_values (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL,
	attribute_key   TEXT NOT NULL,
	given           TEXT NOT NULL,
	name            TEXT NOT NULL,
	into_id         INTEGER, -- the value that this one was merged into
	CONSTRAINT attribute_values_given UNIQUE (organisation_id, attribute_key, given),
	CONSTRAINT attribute_values_attribute UNIQUE (id, organisation_id, attribute_key),
	CONSTRAINT attribute_values_into CHECK (into_id <> id),
	FOREIGN KEY (organisation_id, attribute_key) REFERENCES attributes (organisation_id, key),
	FOREIGN KEY (into_id, organisation_id, attribute_key) REFERENCES attribute_values (id, organisation_id, attribute_key)
);

CREATE TABLE attribute_changes (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL REFERENCES organisations (id),
	attribute_key   TEXT NOT NULL,
	changed_at      DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')),
	change          TEXT NOT NULL, -- renamed, merged, split, saved
	given           TEXT NOT NULL, -- the value, '' is the attribute itself
	before          TEXT NOT NULL,
	after           TEXT NOT NULL
);
CREATE INDEX attribute_changes_of_organisation ON attribute_changes (organisation_id, attribute_key);

-- Who was asked to answer which wave. Nothing here tells when somebody finished, and ids tell nothing of order:
-- the row numbers that SQLite would give by itself would.
CREATE TABLE invitations (
	id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32), -- random
	organisation_id INTEGER NOT NULL,
	wave_id         INTEGER NOT NULL,
	person_id       INTEGER, -- null once the person was erased
	token_hash      BLOB, -- SHA-256 of the secret in the personal link; null once the person was erased
	code_hash       BLOB, -- of the access code on paper
	language        TEXT NOT NULL,
	attributes      TEXT NOT NULL CHECK (json_valid(attributes) AND json_type(attributes) = 'object'), -- of the wave's segments
	invited_at      DATETIME,
	reminded        INTEGER NOT NULL DEFAULT 0 CHECK (reminded >= 0),
	opened_on       DATE,
	started         BOOLEAN NOT NULL DEFAULT false,
	finished        BOOLEAN NOT NULL DEFAULT false,
	failed          TEXT NOT NULL DEFAULT '',
	unsubscribed    BOOLEAN NOT NULL DEFAULT false,
	CONSTRAINT invitations_token UNIQUE (token_hash),
	CONSTRAINT invitations_code UNIQUE (code_hash),
	CONSTRAINT invitations_person UNIQUE (wave_id, person_id),
	CONSTRAINT invitations_wave UNIQUE (id, wave_id),
	CONSTRAINT invitations_finished CHECK (started OR NOT finished),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id),
	FOREIGN KEY (person_id, organisation_id) REFERENCES people (id, organisation_id)
) WITHOUT ROWID;
CREATE INDEX invitations_of_person ON invitations (person_id) WHERE person_id IS NOT NULL;

-- SQLite changes no rule of a table: the table is made anew.
CREATE TABLE responses_2 (
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
	-- The place of the response among those of its wave that count. There is one writer, so a higher number is
	-- committed later. Complete without a place: it does not count before it counts among others.
	tx              INTEGER,
	invitation_id   TEXT,
	attributes      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(attributes) AND json_type(attributes) = 'object'), -- of the wave's segments
	release         INTEGER NOT NULL DEFAULT 0 CHECK (release >= 0), -- the step by which it began to count; 0: it was alone in that
	CONSTRAINT responses_key UNIQUE (wave_id, key_hash),
	CONSTRAINT responses_complete CHECK (tx IS NULL OR completed_at IS NOT NULL),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id),
	FOREIGN KEY (version_id, organisation_id) REFERENCES versions (id, organisation_id),
	FOREIGN KEY (invitation_id, wave_id) REFERENCES invitations (id, wave_id)
);
INSERT INTO responses_2 (id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at, completed_at, tx)
SELECT id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at, completed_at, tx FROM responses;
DROP TABLE responses;
ALTER TABLE responses_2 RENAME TO responses;
CREATE INDEX responses_completed ON responses (wave_id, tx) WHERE tx IS NOT NULL;
CREATE UNIQUE INDEX responses_invitation ON responses (invitation_id) WHERE invitation_id IS NOT NULL;
CREATE INDEX responses_pending ON responses (wave_id, completed_at) WHERE completed_at IS NOT NULL AND tx IS NULL;

-- Answers of anonymous waves before they are responses. Content is encrypted, drafts with a key that only the
-- respondent's link has, what is sealed with the service's. No column names a person or a time.
CREATE TABLE drafts (
	wave_id         INTEGER NOT NULL,
	key_hash        BLOB NOT NULL, -- of wave and key: it equals nothing else in the database
	organisation_id INTEGER NOT NULL,
	version_id      INTEGER NOT NULL,
	language        TEXT NOT NULL,
	page            INTEGER NOT NULL CHECK (page >= 0),
	revision        INTEGER NOT NULL CHECK (revision >= 0),
	content         BLOB NOT NULL,
	PRIMARY KEY (wave_id, key_hash),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id),
	FOREIGN KEY (version_id, organisation_id) REFERENCES versions (id, organisation_id)
) WITHOUT ROWID;
CREATE TABLE sealed (
	wave_id         INTEGER NOT NULL,
	id              TEXT NOT NULL CHECK (length(id) = 32), -- random
	organisation_id INTEGER NOT NULL,
	content         BLOB NOT NULL,
	PRIMARY KEY (wave_id, id),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id)
) WITHOUT ROWID;

-- How many finished a day where responses do not say. On PostgreSQL a day has several rows.
CREATE TABLE finished_by_day (
	wave_id         INTEGER NOT NULL,
	day             DATE NOT NULL,
	share           INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	people          INTEGER NOT NULL CHECK (people >= 0),
	PRIMARY KEY (wave_id, day, share),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id)
) WITHOUT ROWID;

-- Comments that tell of somebody, once they were looked at. It goes with the response.
CREATE TABLE comment_reviews (
	response_id     TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
	item            TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	wave_id         INTEGER NOT NULL,
	released        BOOLEAN NOT NULL, -- may be seen with the others
	PRIMARY KEY (response_id, item),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id)
) WITHOUT ROWID;
CREATE INDEX comment_reviews_of_wave ON comment_reviews (wave_id, item);

-- What is thought over before a launch. It goes with the wave.
CREATE TABLE plans (
	wave_id         INTEGER NOT NULL PRIMARY KEY,
	organisation_id INTEGER NOT NULL,
	plan            TEXT NOT NULL CHECK (json_valid(plan)),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id) ON DELETE CASCADE
);

CREATE TABLE letters (
	wave_id         INTEGER NOT NULL,
	kind            TEXT NOT NULL CHECK (kind IN ('invitation', 'reminder')),
	organisation_id INTEGER NOT NULL,
	subject         TEXT NOT NULL CHECK (json_valid(subject)),
	text            TEXT NOT NULL CHECK (json_valid(text)),
	PRIMARY KEY (wave_id, kind),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id)
);

CREATE TABLE mailings (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL,
	wave_id         INTEGER NOT NULL,
	kind            TEXT NOT NULL CHECK (kind IN ('invitation', 'reminder')),
	starts_at       DATETIME NOT NULL,
	state           TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'done', 'cancelled')),
	-- Of mails that were erased with the personal data of the wave.
	queued          INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0),
	sent            INTEGER NOT NULL DEFAULT 0 CHECK (sent >= 0),
	failed          INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
	CONSTRAINT mailings_wave UNIQUE (id, wave_id),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id)
);
CREATE INDEX mailings_of_wave ON mailings (wave_id);
CREATE INDEX mailings_at_work ON mailings (starts_at) WHERE state IN ('planned', 'sending');

-- Programs that send mail. One that ended without a word is known by its beats, which do not go on; what it had
-- claimed is free as soon as it is deleted here.
CREATE TABLE senders (
	id    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	beats INTEGER NOT NULL DEFAULT 0 CHECK (beats >= 0)
);

-- The queue. A mail has neither address nor link nor name: what it says is made when it is sent.
CREATE TABLE mails (
	id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	organisation_id INTEGER NOT NULL,
	wave_id         INTEGER NOT NULL,
	mailing_id      INTEGER NOT NULL,
	invitation_id   TEXT NOT NULL,
	message_id      TEXT NOT NULL,
	state           TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
	attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	not_before      DATETIME NOT NULL, -- the end of a pause
	reason          TEXT NOT NULL DEFAULT '',
	sender_id       INTEGER REFERENCES senders (id) ON DELETE SET NULL, -- who has claimed it
	CONSTRAINT mails_once UNIQUE (mailing_id, invitation_id),
	CONSTRAINT mails_message UNIQUE (message_id),
	FOREIGN KEY (mailing_id, wave_id) REFERENCES mailings (id, wave_id),
	FOREIGN KEY (invitation_id, wave_id) REFERENCES invitations (id, wave_id),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id)
);
CREATE INDEX mails_waiting ON mails (not_before, id) WHERE state = 'waiting' AND sender_id IS NULL;
CREATE INDEX mails_claimed ON mails (sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX mails_waiting_of_mailing ON mails (mailing_id) WHERE state = 'waiting';
CREATE INDEX mails_of_invitation ON mails (invitation_id);

-- What people were promised can be made stricter, never looser.
-- +goose StatementBegin
CREATE TRIGGER waves_threshold BEFORE UPDATE OF threshold, comments ON waves
	FOR EACH ROW WHEN (NEW.threshold < OLD.threshold OR NEW.comments < OLD.comments)
		AND NOT (OLD.launched_at IS NULL AND OLD.state = 'draft' -- nobody was promised anything
			AND NOT EXISTS (SELECT 1 FROM responses WHERE wave_id = OLD.id))
BEGIN
	SELECT RAISE(ABORT, 'the threshold of a wave is only raised');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER waves_promise
	BEFORE UPDATE OF mode, reported, segments, launched_at, tracks, erases_at, promise, version_id, organisation_id ON waves
	FOR EACH ROW WHEN NEW.mode <> OLD.mode AND (OLD.state <> 'draft' OR OLD.launched_at IS NOT NULL) OR OLD.launched_at IS NOT NULL AND (
		json(NEW.reported) IS NOT json(OLD.reported)
		OR json(NEW.segments) <> json(OLD.segments)
		OR NEW.launched_at IS NOT OLD.launched_at
		OR NEW.tracks AND NOT OLD.tracks
		OR OLD.erases_at IS NOT NULL AND (NEW.erases_at IS NULL OR NEW.erases_at > OLD.erases_at)
		OR NEW.promise -> '$.asker' IS NOT OLD.promise -> '$.asker'
		OR NEW.promise -> '$.purpose' IS NOT OLD.promise -> '$.purpose'
		OR NEW.promise -> '$.kept' IS NOT OLD.promise -> '$.kept'
		OR NEW.version_id <> OLD.version_id
		OR NEW.organisation_id <> OLD.organisation_id)
BEGIN
	SELECT RAISE(ABORT, 'what was promised when a wave was launched is only made stricter');
END;
-- +goose StatementEnd

-- What was shown, and who began to count when, is only added to: what may be shown next follows from it. How many
-- were invited falls with an invitation that was erased, and in no other way.
-- +goose StatementBegin
CREATE TRIGGER waves_history BEFORE UPDATE OF cuts, held, releases ON waves
	FOR EACH ROW WHEN NEW.releases < OLD.releases
		OR json_type(NEW.cuts) <> 'array' OR json_type(NEW.held) <> 'array'
		OR EXISTS (SELECT 1 FROM json_each(OLD.cuts) AS o WHERE json(NEW.cuts -> o.key) IS NOT json(OLD.cuts -> o.key))
		OR EXISTS (SELECT 1 FROM json_each(OLD.held) AS o WHERE json(NEW.held -> o.key) IS NOT json(OLD.held -> o.key))
BEGIN
	SELECT RAISE(ABORT, 'what was shown of a wave is only added to');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER waves_launched_for BEFORE UPDATE OF id, audience, invited ON waves
	FOR EACH ROW WHEN OLD.launched_at IS NOT NULL AND (NEW.audience <> OLD.audience OR NEW.id <> OLD.id
		OR NEW.invited > OLD.invited
		OR NEW.invited < OLD.invited AND (OLD.erased_at IS NOT NULL OR NEW.invited < (SELECT count(*) FROM invitations WHERE wave_id = OLD.id)))
BEGIN
	SELECT RAISE(ABORT, 'whom a wave was launched for does not change');
END;
-- +goose StatementEnd

-- REPLACE takes a row away and puts another in its place, which no trigger on changes sees.
-- +goose StatementBegin
CREATE TRIGGER waves_replaced BEFORE INSERT ON waves
	FOR EACH ROW WHEN EXISTS (SELECT 1 FROM waves WHERE id = NEW.id AND (launched_at IS NOT NULL OR state <> 'draft'))
BEGIN
	SELECT RAISE(ABORT, 'what was promised when a wave was launched is only made stricter');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER waves_displaced BEFORE UPDATE OF id ON waves
	FOR EACH ROW WHEN NEW.id <> OLD.id AND EXISTS (SELECT 1 FROM waves WHERE id = NEW.id AND (launched_at IS NOT NULL OR state <> 'draft'))
BEGIN
	SELECT RAISE(ABORT, 'what was promised when a wave was launched is only made stricter');
END;
-- +goose StatementEnd

-- Which secret the database is used with: a fingerprint, from which the secret cannot be worked out. One row.
CREATE TABLE bound_secret (
	id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
	fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32)
);

-- +goose Down
-- Answers that nobody but the newer program can read are not thrown away.
CREATE TABLE unreadable (answers INTEGER NOT NULL CONSTRAINT answers_wait_sealed CHECK (answers = 0));
INSERT INTO unreadable SELECT (SELECT count(*) FROM sealed) + (SELECT count(*) FROM drafts);
DROP TABLE unreadable;
DROP TRIGGER waves_displaced;
DROP TRIGGER waves_replaced;
DROP TRIGGER waves_launched_for;
DROP TRIGGER waves_history;
DROP TRIGGER waves_promise;
DROP TRIGGER waves_threshold;
DROP TABLE comment_reviews;
DROP TABLE bound_secret;
DROP TABLE mails;
DROP TABLE senders;
DROP TABLE mailings;
DROP TABLE letters;
DROP TABLE plans;
DROP TABLE finished_by_day;
DROP TABLE sealed;
DROP TABLE drafts;
CREATE TABLE responses_1 (
	id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
	organisation_id INTEGER NOT NULL,
	wave_id         INTEGER NOT NULL,
	version_id      INTEGER NOT NULL,
	key_hash        BLOB,
	language        TEXT NOT NULL,
	seed            INTEGER NOT NULL,
	page            INTEGER NOT NULL CHECK (page >= 0),
	revision        INTEGER NOT NULL CHECK (revision >= 0),
	answers         TEXT NOT NULL CHECK (json_valid(answers) AND json_type(answers) = 'object'),
	weight          REAL NOT NULL CHECK (weight > 0 AND weight < 9e999),
	person          TEXT NOT NULL,
	started_at      DATETIME NOT NULL,
	completed_at    DATETIME,
	tx              INTEGER,
	CONSTRAINT responses_key UNIQUE (wave_id, key_hash),
	CONSTRAINT responses_complete CHECK ((completed_at IS NULL) = (tx IS NULL)),
	FOREIGN KEY (wave_id, organisation_id) REFERENCES waves (id, organisation_id),
	FOREIGN KEY (version_id, organisation_id) REFERENCES versions (id, organisation_id)
);
INSERT INTO responses_1
SELECT id, organisation_id, wave_id, version_id, key_hash, language, seed, page, revision, answers, weight, person, started_at, completed_at,
	CASE WHEN completed_at IS NULL THEN NULL WHEN tx IS NOT NULL THEN tx
		ELSE coalesce(max(tx) OVER (PARTITION BY wave_id), 0) + row_number() OVER (PARTITION BY wave_id, completed_at IS NOT NULL AND tx IS NULL ORDER BY id) END
FROM responses;
DROP TABLE responses;
ALTER TABLE responses_1 RENAME TO responses;
CREATE INDEX responses_completed ON responses (wave_id, tx) WHERE tx IS NOT NULL;
DROP TABLE invitations;
DROP TABLE attribute_changes;
DROP TABLE attribute_values;
DROP TABLE attributes;
DROP TABLE people;
ALTER TABLE waves DROP COLUMN mode;
ALTER TABLE waves DROP COLUMN comments;
ALTER TABLE waves DROP COLUMN reported;
ALTER TABLE waves DROP COLUMN segments;
ALTER TABLE waves DROP COLUMN launched_at;
ALTER TABLE waves DROP COLUMN invited;
ALTER TABLE waves DROP COLUMN open_link;
ALTER TABLE waves DROP COLUMN once_per;
ALTER TABLE waves DROP COLUMN kiosk;
ALTER TABLE waves DROP COLUMN tracks;
ALTER TABLE waves DROP COLUMN time_zone;
ALTER TABLE waves DROP COLUMN quiet_from;
ALTER TABLE waves DROP COLUMN quiet_until;
ALTER TABLE waves DROP COLUMN erases_at;
ALTER TABLE waves DROP COLUMN erased_at;
ALTER TABLE waves DROP COLUMN cuts;
ALTER TABLE waves DROP COLUMN held;
ALTER TABLE waves DROP COLUMN releases;
-- +goose StatementBegin
CREATE TRIGGER waves_threshold BEFORE UPDATE OF threshold ON waves
	FOR EACH ROW WHEN NEW.threshold < OLD.threshold
BEGIN
	SELECT RAISE(ABORT, 'the threshold of a wave is only raised');
END;
-- +goose StatementEnd
