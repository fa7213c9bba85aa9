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
]

/** Which migrations a file has been through, and when, for whoever has to look into one. */
export const MIGRATION_TABLE = `
  CREATE TABLE IF NOT EXISTS migration (
    version    INTEGER NOT NULL PRIMARY KEY,
    applied_at TEXT NOT NULL -- UTC, as SQLite's datetime() writes it
  ) STRICT`
