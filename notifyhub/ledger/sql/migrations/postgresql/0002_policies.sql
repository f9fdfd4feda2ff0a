-- What the policies of all workers count and know together. Times are microseconds since the epoch.
CREATE TABLE notifyhub_tallies (
    name TEXT NOT NULL PRIMARY KEY,    -- a digest of what is counted, and the rule; limits and budgets alike
    until BIGINT NOT NULL,             -- means nothing any more after it
    state TEXT NOT NULL                -- JSON: what was taken, and when
);

CREATE TABLE notifyhub_suppressions (
    id TEXT NOT NULL PRIMARY KEY,
    search TEXT NOT NULL,              -- digest of the address; stays when the address is erased
    holds TEXT UNIQUE,                 -- what it holds for, digest included; NULL once lifted or over
    since BIGINT NOT NULL,
    until BIGINT,                      -- ends by itself then
    lifted BIGINT,                     -- when somebody took it off the list
    facts TEXT NOT NULL,               -- JSON: for what it holds, why, and who said so
    address TEXT                       -- sealed, NULL once erased
);
CREATE INDEX notifyhub_suppressions_search ON notifyhub_suppressions (search);

-- What was seen of each provider instance, in slots of a few seconds.
CREATE TABLE notifyhub_health (
    slot BIGINT NOT NULL,
    instance TEXT NOT NULL,
    accepted BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    undelivered BIGINT NOT NULL,
    lateness DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (slot, instance)
);

-- Queued deliveries that are to become one message, and afterwards the one they became.
ALTER TABLE notifyhub_deliveries ADD COLUMN digest TEXT;
CREATE INDEX notifyhub_deliveries_digest ON notifyhub_deliveries (digest) WHERE digest IS NOT NULL;
