import type { ReactNode } from 'react'
import classes from './rows.module.css'

export interface Column<T> {
  label: string
  render: (row: T) => ReactNode
  /** Of numbers. */
  end?: boolean
  /** On a phone: the line at the top of the row's card. */
  head?: boolean
  /** Not worth a line on a phone, or where it is empty there. */
  wide?: (row: T) => boolean
  width?: string
}

interface Props<T> {
  /** Says what the table is, to whoever listens. */
  caption: string
  columns: Column<T>[]
  rows: T[]
  keyOf: (row: T) => string
  /** Below the row, over its whole width. */
  below?: (row: T) => ReactNode
  /** Marks a row by a colour at its edge. */
  markOf?: (row: T) => 'error' | 'warning' | 'notice' | 'chosen' | undefined
}

/** A table that becomes a list of cards where the screen is narrow: one markup, so roles are said where style takes them away. */
export function Rows<T>({ caption, columns, rows, keyOf, below, markOf }: Props<T>) {
  return (
    <div className={classes.box}>
      <table className={classes.table} role="table">
        <caption className="only-said">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ label, end, width }) => (
              <th key={label} role="columnheader" scope="col" data-end={end} style={{ width }}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        {rows.map((row) => {
          const more = below?.(row)
          return (
            <tbody key={keyOf(row)} role="rowgroup" data-mark={markOf?.(row)}>
              <tr role="row">
                {columns.map(({ label, render, end, head, wide }) => (
                  <td
                    key={label}
                    role="cell"
                    data-label={label}
                    data-end={end}
                    data-head={head}
                    data-wide={wide?.(row) || undefined}
                  >
                    <div>{render(row)}</div>
                  </td>
                ))}
              </tr>
              {more && (
                <tr role="row" data-below>
                  <td role="cell" colSpan={columns.length}>
                    {more}
                  </td>
                </tr>
              )}
            </tbody>
          )
        })}
      </table>
    </div>
  )
}
