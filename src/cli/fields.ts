/** Details of one thing, as lines of `name  value`. */
import { printable, type Paint, type Style } from './terminal.ts'

type Shown = string | readonly string[] | { readonly text: string; readonly style: Style } | undefined

/** A name, and what is shown behind it. */
export type Field = readonly [string, Shown]

/** One field a line, lists one item a line; empty fields are left out. */
export function drawFields(fields: readonly Field[], paint: Paint): string {
  const width = Math.max(...fields.map(([name]) => name.length)) + 2
  return fields
    .flatMap(([name, shown]) => {
      const lines = linesOf(shown, paint)
      return lines.map((line, index) => paint('dim', (index === 0 ? name : '').padEnd(width)) + line)
    })
    .join('\n')
}

function linesOf(shown: Shown, paint: Paint): string[] {
  if (shown === undefined || shown === '') return []
  if (typeof shown === 'string') return [printable(shown)]
  if ('text' in shown) return [paint(shown.style, printable(shown.text))]
  return shown.map(printable)
}
