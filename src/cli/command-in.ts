/** Commands as advice names them. */

/** A command line that is about the cluster that was named or chosen; undefined: the daemon's first. */
export function commandIn(cluster: string | undefined, command: string, ...words: readonly string[]): string {
  return `\`${['althing', command, ...(cluster === undefined ? [] : ['--in', cluster]), ...words].join(' ')}\``
}
