/**
 * Prometheus' text format, written out directly: the daemon's samples are flat name-value pairs, and
 * a client library for them would cost 9 MB of memory (measured) to do these lines.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const PREFIX = 'althing_'
/** A name, and perhaps labels: `nodes{state="ready"}`. */
const SAMPLE_NAME = /^([a-z][a-z0-9_]*)(\{[a-z_][a-z0-9_]*="[^"\\\n]*"(?:,[a-z_][a-z0-9_]*="[^"\\\n]*")*\})?$/

interface Sample {
  readonly labels: string
  readonly value: number
}

/** One metric with everything the format wants of it. */
interface Family {
  readonly help: string
  readonly samples: Sample[]
}

/** The process this runs in, as far as Node knows it. */
export interface ProcessFacts {
  readonly residentBytes: number
  readonly cpuSeconds: number
  /** Unix time. */
  readonly startedAtSeconds: number
}

/** Reads this process. */
export function processFacts(): ProcessFacts {
  const { user, system } = process.cpuUsage()
  return {
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    startedAtSeconds: Math.round(performance.timeOrigin / 1000),
  }
}

/**
 * The body of `/metrics`.
 * @param samples as `Operations.metrics()` gives them; names that are none, and values that are no
 *   numbers, are left out and returned in `refused`
 */
export function renderMetrics(
  samples: Readonly<Record<string, number>>,
  version: string,
  facts: ProcessFacts = processFacts(),
): { text: string; refused: string[] } {
  const families = new Map<string, Family>()
  const refused: string[] = []
  const add = (name: string, help: string, labels: string, value: number): void => {
    const family = families.get(name) ?? { help, samples: [] }
    families.set(name, family)
    family.samples.push({ labels, value })
  }
  // Standard names: dashboards know them from every other program.
  add('process_resident_memory_bytes', 'Resident memory size in bytes.', '', facts.residentBytes)
  add('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', '', facts.cpuSeconds)
  add(
    'process_start_time_seconds',
    'Start time of the process since unix epoch in seconds.',
    '',
    facts.startedAtSeconds,
  )
  add(
    `${PREFIX}build_info`,
    'The version of the daemon, as a label.',
    `{version="${version.replaceAll(/["\\\n]/g, '')}"}`,
    1,
  )
  for (const [sample, value] of Object.entries(samples)) {
    const match = SAMPLE_NAME.exec(sample)
    if (match === null || !Number.isFinite(value)) refused.push(sample)
    else add(`${PREFIX}${match[1]}`, describe(match[1]!), match[2] ?? '', value)
  }
  return { text: [...families].map(([name, family]) => renderFamily(name, family)).join(''), refused }
}

function renderFamily(name: string, { help, samples }: Family): string {
  const type = name.endsWith('_total') ? 'counter' : 'gauge'
  const lines = samples.map(({ labels, value }) => `${name}${labels} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/** A help line from the name itself: the names are chosen to read well. */
function describe(name: string): string {
  const words = name.replace(/_total$/, '').replaceAll('_', ' ')
  return name.endsWith('_total') ? `Count of ${words} since the daemon started.` : `Current ${words}.`
}
