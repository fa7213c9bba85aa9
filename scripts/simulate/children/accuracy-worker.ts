/** One worker of `accuracy.ts`: takes a seed at a time and says what it came to. */
import { parentPort } from 'node:worker_threads'
import { measureAccuracy, type AccuracyOptions } from '../../../test/sim/membership/accuracy.ts'

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.on('message', (options: AccuracyOptions) => parentPort?.postMessage(measureAccuracy(options)))
