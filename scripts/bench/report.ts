/** The table people read, and the JSON that machines compare. */
import { isReached, rounded } from './figure.ts'
import type { Figure } from './figure.ts'
import { isBusy } from './machine.ts'
import type { Machine } from './machine.ts'

/** A run of the bench. */
export interface Report {
  readonly machine: Machine
  readonly quick: boolean
  readonly seconds: number
  readonly figures: readonly Figure[]
}

/** Everything, with each figure's verdict. */
export function asJson({ figures, ...rest }: Report): string {
  const judged = figures.map((figure) => ({
    ...figure,
    measured: rounded(figure.measured),
    ok: isReached(figure) ?? null,
  }))
  return JSON.stringify({ ...rest, figures: judged }, undefined, 2)
}

/** The table, the machine above it. */
export function asTable({ machine, quick, seconds, figures }: Report): string {
  const { cpu, cores, memoryGiB, kernel, node, date, loadBefore } = machine
  const rows = figures.map((figure) => [
    figure.name,
    targetText(figure),
    `${rounded(figure.measured)} ${figure.unit}`,
    { true: 'ok', false: 'MISSED', undefined: '' }[String(isReached(figure)) as 'true' | 'false' | 'undefined'],
    figure.how,
  ])
  const lines = alignColumns([['figure', 'target', 'measured', '', 'how'], ...rows])
  return [
    [
      cpu,
      `${cores} cores`,
      `${memoryGiB} GiB`,
      kernel,
      `Node ${node}`,
      date,
      `${seconds} s`,
      ...(quick ? ['--quick'] : []),
    ].join(', '),
    ...(isBusy(machine) ? [`The machine was busy (load ${loadBefore}): a quiet one is faster.`] : []),
    '',
    ...lines,
  ].join('\n')
}

function targetText({ target, unit }: Figure): string {
  if (target === undefined) return ''
  return 'atMost' in target ? `≤ ${target.atMost} ${unit}` : `≥ ${target.atLeast} ${unit}`
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}
