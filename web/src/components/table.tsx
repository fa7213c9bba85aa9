/**
 * Tables that become cards on narrow screens. The roles are written out because `display: grid` on a
 * table's parts would take their meaning from screen readers.
 */
import type { ComponentChildren } from 'preact'

interface TableProps {
  readonly label: string
  readonly class: string
  readonly columns: readonly Column[]
  readonly children: ComponentChildren
}

export interface Column {
  readonly name: string
  /** Figures are set flush right. */
  readonly numeric?: boolean
}

export function Table({ label, class: name, columns, children }: TableProps) {
  return (
    <table class={`table ${name}`} role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <th key={column.name} role="columnheader" scope="col" class={column.numeric ? 'numeric' : ''}>
              {column.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">{children}</tbody>
    </table>
  )
}

interface CellProps {
  /** The column's name, shown before the value on narrow screens. */
  readonly of: string
  readonly class?: string
  readonly numeric?: boolean
  readonly children?: ComponentChildren
}

/** A cell; an empty one shows a dash. */
export function Cell({ of, class: name = '', numeric = false, children }: CellProps) {
  const empty = children === undefined || children === null || children === false || children === ''
  return (
    <td role="cell" data-of={of} class={`${name}${numeric ? ' numeric' : ''}${empty ? ' empty' : ''}`}>
      {empty ? <span class="dash">–</span> : children}
    </td>
  )
}
