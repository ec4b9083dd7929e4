import { BarChart } from '@mantine/charts'
import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { EventCount, Grain } from '../contract'
import { compact, count, dayOf, momentOf, shortMoment } from '../numbers'
import { ChartFrame } from './frame'

/** Far enough from each other for most eyes, and from both grounds. */
const COLOURS = ['cyan.7', 'orange.6', 'violet.5', 'lime.7', 'pink.5', 'indigo.4', 'yellow.7']
const OTHERS = 'other types'
const REFUSED = 'refused'

export const GRAIN_MS: Record<Grain, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

interface Props {
  counts: EventCount[]
  grain: Grain
  /** Milliseconds since 1970, on the grain. */
  from: number
  to: number
  controls: ReactNode
}

/** How many events of which type came when, as bars on each other. */
export default function EventBars({ counts, grain, from, to, controls }: Props) {
  const totals = new Map<string, number>()
  for (const { type, accepted } of counts) totals.set(type, (totals.get(type) ?? 0) + accepted)
  const types = [...totals].filter(([, total]) => total > 0).sort(([, a], [, b]) => b - a)
  // One of many stays with its own colour; two or three that are left over share one.
  const named = (types.length > COLOURS.length ? types.slice(0, COLOURS.length - 1) : types).map(([type]) => type)
  const refused = counts.reduce((sum, { rejected }) => sum + rejected, 0)
  const duplicates = counts.reduce((sum, { duplicates: some }) => sum + some, 0)
  const all = types.reduce((sum, [, total]) => sum + total, 0)

  const bins = new Map<number, Record<string, number>>()
  for (let at = from; at < to; at += GRAIN_MS[grain]) bins.set(at, {})
  for (const { at, type, accepted, rejected } of counts) {
    const bin = bins.get(Date.parse(at))
    if (!bin) continue
    const name = named.includes(type) ? type : OTHERS
    bin[name] = (bin[name] ?? 0) + accepted
    bin[REFUSED] = (bin[REFUSED] ?? 0) + rejected
  }
  const series = [
    ...named.map((name, place) => ({ name, color: COLOURS[place] })),
    ...(types.length > named.length ? [{ name: OTHERS, color: 'gray.5' }] : []),
    ...(refused > 0 ? [{ name: REFUSED, color: 'red.7' }] : []),
  ]
  const label = (at: number) => (grain === 'day' ? dayOf(at) : momentOf(at))
  const short = new Map([...bins.keys()].map((at) => [label(at), shortMoment(at, grain, to - from)]))
  return (
    <ChartFrame
      says={`Events by ${grain} and type from ${label(from)}: ${count(all)} in all${refused > 0 ? `, ${count(refused)} refused` : ''}`}
      controls={controls}
      head={['From', ...series.map(({ name }) => name)]}
      rows={[...bins].map(([at, bin]) => [label(at), ...series.map(({ name }) => count(bin[name] ?? 0))])}
    >
      <BarChart
        h={260}
        data={[...bins].map(([at, bin]) => ({ at: label(at), ...bin }))}
        dataKey="at"
        type="stacked"
        series={series}
        withLegend
        legendProps={{ verticalAlign: 'bottom' }}
        valueFormatter={compact}
        xAxisProps={{ minTickGap: 24, tickFormatter: (at: string) => short.get(at) ?? at }}
        yAxisProps={{ width: 48 }}
        barProps={{ isAnimationActive: false }}
        barChartProps={{ barCategoryGap: 1 }}
        accessibilityLayer={false}
      />
      <Text size="xs" c="dimmed" mt={4}>
        By when they came: {count(all)} new
        {duplicates > 0 && `, ${count(duplicates)} known already`}
        {refused > 0 && `, ${count(refused)} refused`}.
      </Text>
    </ChartFrame>
  )
}
