import '@mantine/charts/styles.css'
import { Button } from '@mantine/core'
import { IconChartBar, IconTable } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import classes from './frame.module.css'

interface Props {
  /** What the chart shows, in a sentence, for who cannot see it. */
  says: string
  /** Its figures: a heading and a row each. */
  head: string[]
  rows: (string | number)[][]
  /** Beside the switch. */
  controls?: ReactNode
  children: ReactNode
}

/** A chart with its table: whoever cannot see the one, or wants the figures, takes the other. */
export function ChartFrame({ says, head, rows, controls, children }: Props) {
  const [asTable, setAsTable] = useState(false)
  return (
    <figure className={classes.frame}>
      <div className={classes.controls}>
        <div>{controls}</div>
        <Button
          variant="subtle"
          aria-pressed={asTable}
          leftSection={asTable ? <IconChartBar size={14} aria-hidden /> : <IconTable size={14} aria-hidden />}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? 'As a chart' : 'As a table'}
        </Button>
      </div>
      {asTable ? (
        <div className={classes.scroll} tabIndex={0} role="region" aria-label={says}>
          <table className={classes.table}>
            <thead>
              <tr>
                {head.map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row[0]}>
                  {row.map((cell, place) => (place === 0 ? <th key={place}>{cell}</th> : <td key={place}>{cell}</td>))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <div role="img" aria-label={says}>
          {children}
        </div>
      )}
    </figure>
  )
}
