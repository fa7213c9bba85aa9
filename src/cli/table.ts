/** Tables for people: aligned columns, cut to the width of a terminal, never cut when piped. */
import { printable, textWidth, type Paint, type Style } from './terminal.ts'

/** A cell: text from anywhere, perhaps coloured. */
export type Cell = string | { readonly text: string; readonly style: Style }

/** The head of a column, and how its cells stand below it. */
export interface Column {
  readonly title: string
  /** @default 'left' */
  readonly align?: 'left' | 'right'
  /** Never cut: a number would be untrue, and what is copied into the next command of no use. @default false */
  readonly whole?: boolean
}

const GAP = '  '
/** A column is not cut below this. */
const MIN_WIDTH = 8

/**
 * Draws a table, one line a row, each ending in a line break.
 * @param maxWidth columns of the terminal; undefined: no limit
 */
export function drawTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
  maxWidth?: number,
): string {
  const header = columns.map(({ title }): Cell => ({ text: title, style: 'bold' }))
  const lines = [header, ...rows].map((row) => row.map(cleanCell))
  const natural = columns.map((_, index) => Math.max(...lines.map((line) => textWidth(line[index]?.text ?? ''))))
  const widths = maxWidth === undefined ? natural : fitWidths(columns, natural, maxWidth)
  const draw = (line: readonly CleanCell[]): string =>
    columns
      .map((column, index) => {
        const { text, style } = line[index] ?? { text: '' }
        const width = widths[index]!
        const cut = cutTo(text, width)
        const shown = style === undefined ? cut : paint(style, cut)
        const padding = ' '.repeat(width - textWidth(cut))
        if (column.align === 'right') return padding + shown
        // No spaces at the end of a line.
        return index === columns.length - 1 ? shown : shown + padding
      })
      .join(GAP)
      .trimEnd()
  return lines.map((line) => `${draw(line)}\n`).join('')
}

interface CleanCell {
  readonly text: string
  readonly style?: Style
}

function cleanCell(cell: Cell): CleanCell {
  return typeof cell === 'string' ? { text: printable(cell) } : { text: printable(cell.text), style: cell.style }
}

/** Takes what is too much from the widest column that may be cut, again and again. */
function fitWidths(columns: readonly Column[], natural: readonly number[], maxWidth: number): number[] {
  const widths = [...natural]
  const total = (): number => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1))
  while (total() > maxWidth) {
    const most = Math.max(...widths.filter((_, index) => columns[index]!.whole !== true))
    if (most <= MIN_WIDTH) break
    widths[widths.findIndex((width, index) => width === most && columns[index]!.whole !== true)]!--
  }
  return widths
}

function cutTo(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  let cut = ''
  for (const character of text) {
    if (textWidth(cut + character) > width - 1) break
    cut += character
  }
  return `${cut}…`
}
