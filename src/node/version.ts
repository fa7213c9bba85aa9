/** Althing's version: one place, checked against package.json by a test. */
export const VERSION = '0.1.0'
