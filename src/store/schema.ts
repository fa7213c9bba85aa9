/**
 * The tables of the store, and how an older file becomes a newer one.
 */

/** "ALTH" in ASCII, in SQLite's header field for the kind of file: it tells our files from others'. */
export const APPLICATION_ID = 0x41_4c_54_48

/**
 * Migration n (counted from 1) takes a file from version n−1 to n. Never edit one that has been
 * released: append another.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE document (
     collection TEXT NOT NULL,
     key        TEXT NOT NULL,
     body       BLOB NOT NULL, -- dag-cbor
     PRIMARY KEY (collection, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE counter (
     name  TEXT NOT NULL PRIMARY KEY,
     value INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   -- What libp2p keeps (its peer store), behind its own Datastore interface.
   CREATE TABLE datastore (
     key   TEXT NOT NULL PRIMARY KEY,
     value BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  // The audit log: its events, and the roots of its complete subtrees at every eighth level, from which, with at most
  // 255 events, any proof follows. The three ids repeat what the body says, to find it by.
  `CREATE TABLE audit_event (
     position INTEGER NOT NULL PRIMARY KEY, -- from 0; the oldest are dropped in time
     at_ms    INTEGER NOT NULL,
     type     TEXT NOT NULL,
     task_id  TEXT,
     offer_id TEXT,
     job_id   TEXT,
     body     BLOB NOT NULL -- dag-cbor: what the leaf is the hash of
   ) STRICT;
   CREATE INDEX audit_event_task ON audit_event (task_id) WHERE task_id IS NOT NULL;
   CREATE INDEX audit_event_offer ON audit_event (offer_id) WHERE offer_id IS NOT NULL;
   CREATE INDEX audit_event_job ON audit_event (job_id) WHERE job_id IS NOT NULL;
   CREATE TABLE audit_node (
     level INTEGER NOT NULL,
     idx   INTEGER NOT NULL, -- the how manieth of its level, from 0
     hash  BLOB NOT NULL,
     PRIMARY KEY (level, idx)
   ) STRICT, WITHOUT ROWID;`,
]

/** Which migrations a file has been through, and when, for whoever has to look into one. */
export const MIGRATION_TABLE = `
  CREATE TABLE IF NOT EXISTS migration (
    version    INTEGER NOT NULL PRIMARY KEY,
    applied_at TEXT NOT NULL -- UTC, as SQLite's datetime() writes it
  ) STRICT`
