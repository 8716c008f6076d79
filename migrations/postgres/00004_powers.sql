-- +goose Up
-- Whether the user's password was chosen by a link that went by mail alone: then the address is hers.
ALTER TABLE users ADD COLUMN proved boolean NOT NULL DEFAULT false;
-- How a link reaches its user: by mail, by the hand of somebody who works with her or has the machine, or shown to
-- whoever runs the server, for whom it must open nothing.
ALTER TABLE sign_in_links ADD COLUMN way text NOT NULL DEFAULT 'hand' CHECK (way IN ('mail', 'hand', 'server'));

-- +goose Down
ALTER TABLE sign_in_links DROP COLUMN way;
ALTER TABLE users DROP COLUMN proved;
