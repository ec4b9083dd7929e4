import type { ReactNode } from 'react'
import classes from './facts.module.css'

/** A name, what it is, and smaller what more there is to say. */
export type Fact = readonly [string, ReactNode, ReactNode?]

export function Facts({ facts }: { facts: (Fact | false | null | undefined | 0 | '')[] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(
        (fact) =>
          fact && (
            <div key={fact[0]}>
              <dt>{fact[0]}</dt>
              <dd>
                {fact[1]}
                {fact[2] && <div className={classes.more}>{fact[2]}</div>}
              </dd>
            </div>
          ),
      )}
    </dl>
  )
}
