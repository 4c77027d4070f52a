-- One row for each account that ever was. Deletion erases what is personal and keeps the id and the handle's key, so
-- that a handle never changes hands. Keys are compared byte by byte, whatever the database's locale.
CREATE TABLE accounts (
    account_id    bigint PRIMARY KEY,
    handle_key    text   COLLATE "C" NOT NULL,
    handle        text   NOT NULL,
    email         text   NOT NULL,
    -- NULL once deleted: NULLs do not clash, so the address is free again.
    email_key     text   COLLATE "C",
    password_hash text   NOT NULL,
    display_name  text   NOT NULL,
    bio           text   NOT NULL,
    version       bigint NOT NULL,
    created_at    bigint NOT NULL,
    updated_at    bigint NOT NULL,
    deleted_at    bigint
);
CREATE UNIQUE INDEX accounts_by_handle ON accounts (handle_key);
CREATE UNIQUE INDEX accounts_by_email ON accounts (email_key)
