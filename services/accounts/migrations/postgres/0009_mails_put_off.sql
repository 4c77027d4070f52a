-- When a mail is offered again that a server put off; 0 if none has yet.
ALTER TABLE tickets ADD COLUMN again_at bigint NOT NULL DEFAULT 0;
CREATE INDEX tickets_put_off ON tickets (again_at) WHERE NOT done AND again_at > 0
