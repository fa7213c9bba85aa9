/** Steps and the matrix as text. */
import type { DoctorStep, ReachabilityRow, ReachabilityView } from '../../model/doctor.ts'
import { inWords } from '../../diagnosis/step.ts'
import type { Cell, Column } from '../table.ts'
import { printable, type Paint, type Style } from '../terminal.ts'

const STYLES: Readonly<Record<DoctorStep['outcome'], Style>> = {
  ok: 'green',
  warning: 'yellow',
  broken: 'red',
  skipped: 'dim',
}
const OUTCOME_WIDTH = 'warning'.length
const ID_WIDTH = 'data-directory'.length

/** One step: a line, and below it cause and cure of what is wrong. */
export function drawStep({ id, outcome, found, cause, fix }: DoctorStep, paint: Paint): string {
  const indent = ' '.repeat(OUTCOME_WIDTH + ID_WIDTH + 4)
  const head = `${paint(STYLES[outcome], outcome.padEnd(OUTCOME_WIDTH))}  ${id.padEnd(ID_WIDTH)}  ${printable(found)}`
  const why = cause === undefined ? [] : [`${indent}${printable(cause)}`]
  return [head, ...why, ...fix.map((line) => `${indent}${paint('bold', '→')} ${printable(line)}`)].join('\n')
}

/** Steps that were skipped one after the other for one reason, in one line. */
function drawSkipped(steps: readonly DoctorStep[], paint: Paint): string {
  if (steps.length === 1) return drawStep(steps[0]!, paint)
  const ids = steps.map(({ id }) => id).join(', ')
  return `${paint('dim', 'skipped'.padEnd(OUTCOME_WIDTH))}  ${ids}: ${printable(steps[0]!.found)}`
}

/** Puts steps into lines as they come; those that were skipped are kept until it is known how many there are. */
export class StepLines {
  readonly #paint: Paint
  #skipped: DoctorStep[] = []

  constructor(paint: Paint) {
    this.#paint = paint
  }

  /** @returns the lines that can be printed now */
  add(step: DoctorStep): string[] {
    const isMore = step.outcome === 'skipped' && (this.#skipped[0]?.found ?? step.found) === step.found
    const lines = isMore ? [] : this.rest()
    if (step.outcome === 'skipped') this.#skipped.push(step)
    else lines.push(drawStep(step, this.#paint))
    return lines
  }

  /** @returns what was kept */
  rest(): string[] {
    const kept = this.#skipped
    this.#skipped = []
    return kept.length === 0 ? [] : [drawSkipped(kept, this.#paint)]
  }
}

/** The last line: which step is broken, if any is. */
export function drawVerdict(steps: readonly DoctorStep[], paint: Paint): string {
  const broken = steps.find(({ outcome }) => outcome === 'broken')
  const warnings = steps.filter(({ outcome }) => outcome === 'warning')
  if (broken !== undefined) {
    return `${paint('red', 'broken')}: ${broken.id}: ${printable(broken.found)}`
  }
  if (warnings.length === 0) return `${paint('green', 'ok')}: nothing is wrong`
  return `${paint('green', 'ok')}: nothing is broken; ${warnings.map(({ id }) => id).join(', ')} could be better`
}

/** Members that fit a grid; more are told row by row. */
const GRID_MEMBERS = 10

/** Columns and rows of the matrix, and what has to be said beside it. */
export function drawMatrix(view: ReachabilityView): {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
  readonly notes: readonly string[]
} {
  const { rows, rowsLeftOut } = view
  const table = rows.length <= GRID_MEMBERS ? gridOf(rows) : listOf(rows)
  const cut = rows.reduce((sum, { leftOut }) => sum + leftOut, 0)
  const notes = [
    ...(rowsLeftOut > 0 ? [`${rowsLeftOut} more members are not shown: there are 64 rows at most`] : []),
    ...(cut > 0 ? [`${cut} entries found no room in the answers of those who told`] : []),
    ...(rows.some(({ source }) => source === 'unknown')
      ? ['a row of question marks: that node could not be asked, since it is not linked to this one or did not answer']
      : []),
  ]
  return { ...table, notes }
}

function gridOf(rows: readonly ReachabilityRow[]) {
  const columns: Column[] = [{ title: 'FROM \\ TO', whole: true }, ...rows.map(({ name }) => ({ title: name }))]
  return {
    columns,
    rows: rows.map((row): Cell[] => [row.name, ...rows.map(({ peerId }) => cellOf(row, peerId))]),
  }
}

function cellOf(row: ReachabilityRow, peerId: string): Cell {
  if (row.peerId === peerId) return { text: '·', style: 'dim' }
  if (row.source === 'unknown') return { text: '?', style: 'dim' }
  const cell = row.cells.find((one) => one.peerId === peerId)
  const trip = cell?.rttMs === undefined ? '' : ` ${inWords(cell.rttMs)}`
  switch (cell?.way) {
    case 'direct':
      return { text: `direct${trip}`, style: 'green' }
    case 'relayed':
      return { text: `relay${trip}`, style: 'yellow' }
    case 'heard':
      return { text: 'heard', style: 'dim' }
    default:
      return { text: 'none', style: 'red' }
  }
}

function listOf(rows: readonly ReachabilityRow[]) {
  const right = 'right' as const
  const columns: Column[] = [
    { title: 'NODE' },
    { title: 'DIRECT', align: right },
    { title: 'RELAY', align: right },
    { title: 'HEARD', align: right },
    { title: 'NONE', align: right },
    { title: 'MEDIAN RTT', align: right },
  ]
  return {
    columns,
    rows: rows.map(({ name, source, cells }): Cell[] => {
      const count = (way: string) =>
        source === 'unknown' ? '?' : String(cells.filter((one) => one.way === way).length)
      const trips = cells.flatMap(({ rttMs }) => rttMs ?? []).toSorted((a, b) => a - b)
      const median = trips[trips.length >> 1]
      return [
        name,
        count('direct'),
        count('relayed'),
        count('heard'),
        count('none'),
        median === undefined ? '-' : inWords(median),
      ]
    }),
  }
}
