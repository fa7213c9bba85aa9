/** Byte streams in memory. */
import { Duplex, PassThrough } from 'node:stream'

/** The two ends of one. */
export function streamPair(): [Duplex, Duplex] {
  const [there, back] = [new PassThrough(), new PassThrough()]
  const near = Duplex.from({ writable: there, readable: back })
  const far = Duplex.from({ writable: back, readable: there })
  // One end that is destroyed takes the other with it; whoever uses that sees it where it reads or writes.
  for (const stream of [there, back, near, far]) stream.on('error', () => {})
  return [near, far]
}
