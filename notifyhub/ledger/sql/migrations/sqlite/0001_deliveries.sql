-- One row a delivery. Times are microseconds since the epoch; JSON and sealed values are text.
CREATE TABLE notifyhub_deliveries (
    id TEXT NOT NULL PRIMARY KEY,      -- grows with time, so that new rows stay together in the index
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,         -- 0 goes first
    due BIGINT,                        -- while queued: not before
    deadline BIGINT NOT NULL,          -- nothing is submitted after it
    created BIGINT NOT NULL,
    key TEXT,                          -- idempotency key
    fingerprint TEXT,                  -- who.words: tells one request from another under the same key
    search TEXT,                       -- digest of the address
    subject TEXT,                      -- digest of the recipient's id
    provider TEXT,                     -- instance of the attempt that counts, and the vendor's id for it
    vendor_id TEXT,
    instance TEXT,                     -- the instance whose submission was committed last
    owner TEXT,                        -- who has leased it
    token BIGINT NOT NULL,             -- counted up by each taking up: the fence
    lease BIGINT,                      -- theirs until then
    claims INTEGER NOT NULL,           -- takings up in a row that came to nothing
    copies INTEGER NOT NULL,           -- copies that may be out
    facts TEXT NOT NULL,               -- JSON: what never changes and is not personal
    address TEXT,                      -- sealed, NULL once erased
    body TEXT,                         -- sealed JSON of the words, NULL once erased
    history TEXT NOT NULL              -- JSON lines, only ever appended to: steps, attempts, receipts
);
CREATE UNIQUE INDEX notifyhub_deliveries_key ON notifyhub_deliveries (key) WHERE key IS NOT NULL;
CREATE INDEX notifyhub_deliveries_queue ON notifyhub_deliveries (priority, due, deadline) WHERE status = 'queued';
CREATE INDEX notifyhub_deliveries_lease ON notifyhub_deliveries (lease) WHERE lease IS NOT NULL;
-- By hour first: what is written now lands in one place however large the table has grown.
CREATE INDEX notifyhub_deliveries_search ON notifyhub_deliveries ((created / 3600000000), search);
CREATE INDEX notifyhub_deliveries_vendor ON notifyhub_deliveries ((created / 3600000000), provider, vendor_id)
    WHERE vendor_id IS NOT NULL;

-- Vendor ids by which a delivery is known besides its own: of earlier and late attempts.
CREATE TABLE notifyhub_aliases (
    provider TEXT NOT NULL,
    vendor_id TEXT NOT NULL,
    delivery TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (provider, vendor_id)
);
CREATE INDEX notifyhub_aliases_delivery ON notifyhub_aliases (delivery);

-- Receipts that came before the submission they speak of was recorded.
CREATE TABLE notifyhub_parked (
    provider TEXT NOT NULL,
    vendor_id TEXT NOT NULL,
    digest TEXT NOT NULL,              -- the same news has the same
    at BIGINT NOT NULL,
    search TEXT,                       -- digest of the address
    body TEXT NOT NULL,                -- sealed JSON
    PRIMARY KEY (provider, vendor_id, digest)
);
CREATE INDEX notifyhub_parked_at ON notifyhub_parked (at);

CREATE TABLE notifyhub_replies (
    digest TEXT NOT NULL PRIMARY KEY,  -- the same news has the same
    at BIGINT NOT NULL,
    delivery TEXT,
    search TEXT,                       -- digest of the address
    body TEXT NOT NULL                 -- sealed JSON: address, text and the vendor's hint
);
CREATE INDEX notifyhub_replies_at ON notifyhub_replies (at);

-- `schema`: the number of the newest migration. `keys`: ids of the sealing keys in use.
CREATE TABLE notifyhub_meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
