/** What happens when whoever reads our output goes: `althing ps | head -1` is no error. */
import { EXIT } from './errors.ts'

let onBroken = (): void => process.exit(EXIT.brokenPipe)

/** Ends the process quietly when stdout or stderr breaks. Called once, by `main`. */
export function watchPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      onBroken()
    })
  }
}

/** Does something first. `act` is called once; it need not exit. */
export function whenPipeBreaks(act: () => Promise<void>): void {
  onBroken = () => {
    // Every further write fails in the same way.
    onBroken = () => {}
    void act().finally(() => process.exit(EXIT.brokenPipe))
  }
}
