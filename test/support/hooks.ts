/**
 * After the last test nothing may hold the process open: a socket, timer or child that a test left
 * behind is a bug of the test or of a `stop()`. Mocha would just hang; this names what is left.
 */

/** Time for sockets that are closing to be gone. */
const SETTLE_MS = 5_000

/** Called by mocha once, after all tests. */
export function mochaGlobalTeardown(): void {
  const watch = setTimeout(() => {
    const left = process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap')
    console.error(`\nTests left open handles behind: ${left.join(', ')}. Something was started and not stopped.`)
    // Mocha sets the exit code of its own count when the process ends; the last word is ours.
    process.once('exit', () => {
      process.exitCode = 1
    })
    process.exit()
  }, SETTLE_MS)
  watch.unref()
}
