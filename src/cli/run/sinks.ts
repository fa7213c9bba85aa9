/** Where output goes: as it is when there is one task, line by line under its name when there are several. */
import type { LogLine } from '../../model/api.ts'

/** Takes what tasks write. */
export interface Sink {
  write(index: number, taskId: string, line: LogLine): void
  /** Nothing more comes from this task. */
  end(index: number): void
}

/** Byte for byte. */
export function rawSink(): Sink {
  return {
    write: (_index, _taskId, { stream, data }) => void process[stream].write(Buffer.from(data, 'base64')),
    end: () => {},
  }
}

/** One JSON object a line: `{"type":"log", "taskId":…, …LogLine}`. */
export function jsonSink(): Sink {
  return {
    write: (_index, taskId, line) => void process.stdout.write(`${JSON.stringify({ type: 'log', taskId, ...line })}\n`),
    end: () => {},
  }
}

/** A line that grows longer than this is printed in pieces. */
const MAX_HELD_BYTES = 64 * 1024
const LINE_FEED = 10

/**
 * Whole lines, each behind what names its task; a last line without an end gets one.
 * @param nameOf the name of a task by its index
 */
export function prefixSink(nameOf: (index: number) => string = String): Sink {
  const held = new Map<string, Buffer>()
  const print = (stream: LogLine['stream'], index: number, bytes: Buffer): void =>
    void process[stream].write(Buffer.concat([Buffer.from(`[${nameOf(index)}] `), bytes]))
  return {
    write(index, _taskId, { stream, data }) {
      const key = `${stream}/${index}`
      let rest = Buffer.concat([held.get(key) ?? Buffer.alloc(0), Buffer.from(data, 'base64')])
      for (let at = rest.indexOf(LINE_FEED); at >= 0; at = rest.indexOf(LINE_FEED)) {
        print(stream, index, rest.subarray(0, at + 1))
        rest = rest.subarray(at + 1)
      }
      if (rest.length > MAX_HELD_BYTES) {
        print(stream, index, Buffer.concat([rest, Buffer.of(LINE_FEED)]))
        rest = Buffer.alloc(0)
      }
      held.set(key, rest)
    },
    end(index) {
      for (const stream of ['stdout', 'stderr'] as const) {
        const rest = held.get(`${stream}/${index}`)
        held.delete(`${stream}/${index}`)
        if (rest !== undefined && rest.length > 0) print(stream, index, Buffer.concat([rest, Buffer.of(LINE_FEED)]))
      }
    },
  }
}
