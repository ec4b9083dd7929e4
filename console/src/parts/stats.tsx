import type { ReactNode } from 'react'
import classes from './stats.module.css'

export interface Stat {
  label: string
  value: ReactNode
  /** Smaller, below. */
  note?: ReactNode
}

/** A few figures side by side. */
export function Stats({ stats }: { stats: (Stat | false | null | undefined)[] }) {
  return (
    <dl className={classes.stats}>
      {stats.map(
        (stat) =>
          stat && (
            <div key={stat.label}>
              <dt>{stat.label}</dt>
              <dd className={classes.value}>{stat.value}</dd>
              {stat.note && <dd className={classes.note}>{stat.note}</dd>}
            </div>
          ),
      )}
    </dl>
  )
}
