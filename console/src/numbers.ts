/** Numbers and times as the reader's language writes them. */

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' })

export const count = (value: number) => whole.format(value)
/** 12,345 as 12.3K. */
export const compact = (value: number) => short.format(value)

export const decimal = (value: number, digits = 2) =>
  value.toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Up to three digits that say something: 0.42, 3.1, 250. */
export const rate = (value: number) =>
  value >= 100 || Number.isInteger(value)
    ? count(value)
    : value.toLocaleString(undefined, { maximumFractionDigits: value >= 10 ? 1 : 2 })

/** A share of 1 in per cent. */
export const percent = (share: number, digits = 1) => `${decimal(100 * share, digits)} %`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']
export function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  return `${(value / 1000 ** power).toLocaleString(undefined, { maximumFractionDigits: power > 1 ? 1 : 0 })} ${UNITS[power]}`
}

/** 75 as 1 min 15 s; never more than two units. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds))
  if (total < 60) return `${total} s`
  const [m, s] = [Math.floor(total / 60), total % 60]
  if (m < 60) return s === 0 ? `${m} min` : `${m} min ${s} s`
  const h = Math.floor(m / 60)
  if (h < 48) return m % 60 === 0 ? `${h} h` : `${h} h ${m % 60} min`
  return `${Math.floor(h / 24)} d ${h % 24} h`
}

export const dayOf = (at: string | number | Date) => date.format(new Date(at))
export const momentOf = (at: string | number | Date) => dateTime.format(new Date(at))
export const exactMoment = (at: string | number | Date) => exactly.format(new Date(at))
export const clockOf = (at: string | number | Date) => clock.format(new Date(at))

const hour = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const DAY_MS = 86_400_000

/** A moment on an axis: no longer than the span of the axis asks for. */
export const shortMoment = (at: number, grain: 'minute' | 'hour' | 'day', span: number) =>
  grain !== 'day' && span <= DAY_MS ? hour.format(at) : day.format(at)

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]
/** A moment of the last or the next week as its distance, any other by its date. */
export function nearMoment(at: string | number | Date, now = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000
  if (Math.abs(seconds) > 7 * 86_400) return momentOf(at)
  if (Math.abs(seconds) < 45) return relative.format(0, 'second')
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length * 0.95) ?? ['minute', 60]
  return relative.format(Math.round(seconds / size), unit)
}
