import type { Figure as Value } from '../contract'
import { decimal, percent } from '../numbers'
import classes from './figure.module.css'

/** A share with its 95 % interval. */
export function Figure({ value }: { value: Value }) {
  const { mean, low, high } = value
  return (
    <span className={classes.figure}>
      {percent(mean)}{' '}
      <span className={classes.range} title="95 % interval">
        {decimal(100 * low, 1)}–{decimal(100 * high, 1)}
      </span>
    </span>
  )
}

export interface Whisker extends Value {
  name: string
  /** The one that it is about; the others are what it is compared with. */
  own?: boolean
}

/** Intervals over each other on one scale: a dot and its whiskers. Who listens gets them as words. */
export function Whiskers({ values, max, width = 132 }: { values: Whisker[]; max?: number; width?: number }) {
  const top = Math.max(1e-9, max ?? 1.04 * Math.max(...values.map(({ high }) => high)))
  const at = (value: number) => `${Math.min(100, Math.max(0, (100 * value) / top)).toFixed(2)}%`
  const line = 9
  const said = values.map(
    ({ name, mean, low, high }) => `${name} ${percent(mean)}, from ${percent(low)} to ${percent(high)}`,
  )
  return (
    <svg
      role="img"
      aria-label={said.join('; ')}
      className={classes.whiskers}
      width={width}
      height={line * values.length}
    >
      <title>{said.join('\n')}</title>
      {values.map(({ name, mean, low, high, own }, place) => {
        const y = line * place + line / 2
        return (
          <g key={name} data-own={own}>
            <line x1={at(low)} x2={at(high)} y1={y} y2={y} strokeWidth={own ? 2 : 1.5} />
            <circle cx={at(mean)} cy={y} r={own ? 3.5 : 2.5} />
          </g>
        )
      })}
    </svg>
  )
}
