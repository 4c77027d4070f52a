-- The outbox, its rows partitioned by the day of `created_at`, with what is kept beside them.
--
-- A position is the number of the transaction that wrote the row, and the row's number in it: `xid << 16 | n`. Transaction
-- numbers rise in the order in which transactions first write, so a later commit may well have the lower one; a reader
-- goes no further than the oldest transaction that is still open.
CREATE TABLE outbox (
    position           bigint NOT NULL,
    id                 uuid   NOT NULL,
    aggregatetype      text   NOT NULL,
    aggregateid        bigint NOT NULL,
    type               text   NOT NULL,
    payload            bytea  NOT NULL,
    tracingspancontext text,
    created_at         bigint NOT NULL,
    PRIMARY KEY (position, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE outbox_state (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    -- The highest position that was ever pruned.
    pruned_to  bigint  NOT NULL DEFAULT 0,
    -- What is added to transaction numbers, so that positions go on rising when rows were restored into a cluster whose
    -- numbers start afresh.
    xid_offset bigint  NOT NULL DEFAULT 0
);
INSERT INTO outbox_state DEFAULT VALUES;

-- Makes the partition of the day of `at` (milliseconds since 1970-01-01 UTC), unless it is there.
CREATE FUNCTION outbox_day(at bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    length bigint := 86400000;
    day    bigint := floor(at::numeric / length);
    part   text   := 'outbox_' || to_char(to_timestamp(day * 86400) AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('plaza outbox ' || current_schema(), 0));
    -- Looked up in the table itself: names are cached, and waiting for this kind of lock does not refresh them.
    IF EXISTS (SELECT 1 FROM pg_class WHERE relname = part AND relnamespace = current_schema()::regnamespace) THEN
        RETURN;
    END IF;
    -- Made first and attached then, which does not hold up those that write to other days.
    EXECUTE format('CREATE TABLE %I (LIKE outbox INCLUDING ALL)', part);
    EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   part, day * length, (day + 1) * length);
END $$;

-- The position that this transaction's next row gets.
CREATE FUNCTION outbox_next() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    -- Gone with the transaction; empty in a session that had it before.
    written bigint := coalesce(nullif(current_setting('plaza.outbox_rows', true), '')::bigint, 0);
BEGIN
    RETURN ((pg_current_xact_id()::text::bigint + (SELECT xid_offset FROM outbox_state)) << 16) + written;
END $$;

-- Appends rows, given column by column; returns the position of the first, the others follow.
CREATE FUNCTION outbox_append(
    ids uuid[], aggregatetypes text[], aggregateids bigint[], types text[], payloads bytea[], traces text[], ats bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first   bigint := outbox_next();
    written bigint := (first & 65535) + cardinality(ids);
    at      bigint;
BEGIN
    IF written > 65536 THEN
        RAISE EXCEPTION 'a transaction appends % events, 65536 at most', written;
    END IF;
    PERFORM set_config('plaza.outbox_rows', written::text, true);
    FOR at IN SELECT DISTINCT unnest - unnest % 86400000 FROM unnest(ats) LOOP
        PERFORM outbox_day(at);
    END LOOP;
    INSERT INTO outbox
    SELECT first + e.n - 1, e.id, e.aggregatetype, e.aggregateid, e.type, e.payload, e.trace, e.at
    FROM unnest(ids, aggregatetypes, aggregateids, types, payloads, traces, ats)
        WITH ORDINALITY AS e (id, aggregatetype, aggregateid, type, payload, trace, at, n);
    RETURN first;
END $$;

-- The highest position ever given to a row that is committed; 0 if there was none.
CREATE FUNCTION outbox_last() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT greatest((SELECT max(position) FROM outbox), (SELECT pruned_to FROM outbox_state))
$$;

-- Makes positions go on from the last one, if transaction numbers are behind it; whether they were.
CREATE FUNCTION outbox_go_on() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    last    bigint := outbox_last() >> 16;
    present bigint := pg_current_xact_id()::text::bigint;
BEGIN
    UPDATE outbox_state SET xid_offset = last + 1 - present WHERE last >= present + xid_offset;
    RETURN FOUND;
END $$;

-- Drops the days that end at `before` or earlier and are published whole, four at most; makes the day after the newest
-- row's. Returns how many rows went, by the server's statistics, one at least for each day.
CREATE FUNCTION outbox_prune(before bigint, published bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    part    record;
    highest bigint;
    gone    bigint := 0;
BEGIN
    PERFORM outbox_day(created_at + 86400000) FROM outbox ORDER BY position DESC LIMIT 1;
    FOR part IN
        SELECT c.oid::regclass AS name, greatest(c.reltuples, 1)::bigint AS rows
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'outbox'::regclass
            AND (to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01' + 1) * 86400000::bigint <= before
        ORDER BY c.relname
        LIMIT 4
    LOOP
        EXECUTE format('SELECT max(position) FROM %s', part.name) INTO highest;
        EXIT WHEN highest > published;
        UPDATE outbox_state SET pruned_to = highest WHERE pruned_to < highest;
        EXECUTE format('DROP TABLE %s', part.name);
        gone := gone + part.rows;
    END LOOP;
    RETURN gone;
END $$
