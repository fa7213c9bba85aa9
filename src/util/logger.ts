/** What every part of Althing logs through: pino's shape, so that an adapter needs no pino in its tests. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A logger that adds to each line which part of the daemon says it, or in which of its clusters. */
  child(fields: { component: string } | { cluster: string }): Logger
}

/** Says nothing. */
export const SILENT: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => SILENT,
}
