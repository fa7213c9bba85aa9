/** Where the code of a bundle is kept. */
export function keptCodeOf(file: string): string
/** The bundle by the code that was kept of it; undefined where there is none for it. */
export function compileKept(file: string): { readonly cachedDataRejected?: boolean } | undefined
/** Runs the bundle, which to all in it is the program. */
export function runBundle(file: string): void
/** Runs it too, without kept code. @returns what yields the code to keep, of all that has run by then */
export function runToKeep(file: string): () => Buffer
