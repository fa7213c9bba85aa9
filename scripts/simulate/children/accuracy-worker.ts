/** One worker of `accuracy.ts`: takes a seed at a time and says what it came to. */
import { parentPort } from 'node:worker_threads'
import { measureAccuracy, type AccuracyOptions } from '../../../test/sim/membership/accuracy.ts'

parentPort?.on('message', (options: AccuracyOptions) => parentPort?.postMessage(measureAccuracy(options)))
