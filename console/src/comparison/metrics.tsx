import { SegmentedControl, Text } from '@mantine/core'
import { useState } from 'react'
import type { Figure as Value, Metrics, MetricName, Version } from '../contract'
import { count, decimal, percent } from '../numbers'
import { Figure, Whiskers } from '../parts/figure'
import { type Column, Rows } from '../parts/rows'
import { ownMetrics, RIVALS } from '../versions'
import classes from './metrics.module.css'

const METRICS: { metric: MetricName; name: string; asks: string }[] = [
  { metric: 'ndcg', name: 'NDCG', asks: 'right, and near the top' },
  { metric: 'hitRate', name: 'Hit rate', asks: 'anything right in the list' },
  { metric: 'precision', name: 'Precision', asks: 'share of the list that was right' },
  { metric: 'recall', name: 'Recall', asks: 'share of what was taken that was found' },
  { metric: 'f1', name: 'F1', asks: 'precision and recall at once' },
  { metric: 'mrr', name: 'MRR', asks: 'how far down the first right one is' },
]
type Cutoff = '5' | '10' | '20'

/** A row of figures, one of each version. */
interface Line {
  name: string
  note?: string
  values: (Value | undefined)[]
}

/** Columns of one version or two, with their difference. */
function columnsOf(versions: Version[], first: string): Column<Line>[] {
  const top = ({ values }: Line) => 1.05 * Math.max(...values.map((value) => value?.high ?? 0))
  return [
    {
      label: first,
      head: true,
      render: ({ name, note }) => (
        <>
          <b>{name}</b>
          {note && (
            <Text size="xs" c="dimmed">
              {note}
            </Text>
          )}
        </>
      ),
    },
    ...versions.map((version, place) => ({
      label: versions.length === 1 ? 'This version' : version.id,
      render: (line: Line) => {
        const value = line.values[place]
        return value ? (
          <div className={classes.figure}>
            <Figure value={value} />
            <Whiskers values={[{ name: version.id, ...value, own: place === versions.length - 1 }]} max={top(line)} />
          </div>
        ) : (
          '–'
        )
      },
    })),
    ...(versions.length === 2
      ? [
          {
            label: 'Second less first',
            end: true,
            render: ({ values: [a, b] }: Line) => (a && b ? <Change from={a} to={b} /> : '–'),
          },
        ]
      : []),
  ]
}

/** In points of per cent; what may be chance has no colour. */
function Change({ from, to }: { from: Value; to: Value }) {
  const by = to.mean - from.mean
  const points = decimal(100 * by, 1)
  const change = to.low > from.high ? 'up' : to.high < from.low ? 'down' : 'none'
  return (
    <span data-change={change} className={classes.change}>
      {by > 0 && '+'}
      {points}
    </span>
  )
}

const at = (metrics: Metrics | null, cutoff: Cutoff) =>
  cutoff === '10' ? (metrics ?? undefined) : metrics?.at?.[cutoff]

export function MetricTable({ versions }: { versions: Version[] }) {
  const [cutoff, setCutoff] = useState<Cutoff>('10')
  const lines = METRICS.map(({ metric, name, asks }) => ({
    name: `${name}@${cutoff}`,
    note: asks,
    values: versions.map((version) => at(ownMetrics(version), cutoff)?.[metric]),
  }))
  return (
    <>
      <div className={classes.controls}>
        <SegmentedControl
          size="xs"
          aria-label="Length of list"
          value={cutoff}
          onChange={(value) => setCutoff(value)}
          data={[
            { value: '5', label: 'First 5' },
            { value: '10', label: 'First 10' },
            { value: '20', label: 'First 20' },
          ]}
        />
      </div>
      <Rows
        caption="Metrics with intervals"
        columns={columnsOf(versions, 'Metric')}
        rows={lines}
        keyOf={({ name }) => name}
      />
    </>
  )
}

const SLICES: Record<string, { name: string; who: string }> = {
  oneEvent: { name: 'One event', who: 'users with one event so far' },
  newUsers: { name: 'New users', who: 'fewer than 3 events' },
  lightUsers: { name: 'Light users', who: '3 to 9 events' },
  returning: { name: 'Returning', who: 'nothing in the last quarter of the time' },
  coldItems: { name: 'Cold items', who: 'took an item that nobody had before' },
  head: { name: 'Head', who: 'took only items of the most popular tenth' },
  tail: { name: 'Tail', who: 'took something else' },
}

export function SliceTable({ versions }: { versions: Version[] }) {
  const slices = versions.map((version) => ownMetrics(version)?.slices ?? {})
  const names = [...new Set(slices.flatMap((found) => Object.keys(found)))]
  if (names.length === 0) return <NotTold />
  const lines = names.map((slice) => ({
    name: SLICES[slice]?.name ?? slice,
    note: `${SLICES[slice]?.who ?? ''}; ${slices.map((found) => count(found[slice]?.users ?? 0)).join(' and ')} users`,
    values: slices.map((found) => ((found[slice]?.users ?? 0) > 0 ? found[slice].ndcg : undefined)),
  }))
  return (
    <Rows caption="NDCG@10 by slice" columns={columnsOf(versions, 'Slice')} rows={lines} keyOf={({ name }) => name} />
  )
}

const LISTS: { name: string; note: string; read: (metrics: Metrics) => string | undefined }[] = [
  { name: 'Coverage', note: 'share of the catalogue that anybody is shown', read: (m) => share(m.coverage) },
  {
    name: 'Popularity bias',
    note: 'share of the shown that the most popular tenth gets',
    read: (m) => share(m.headShare),
  },
  { name: 'Gini', note: '0: each item as often; 1: always the same', read: (m) => plain(m.gini) },
  { name: 'Novelty', note: 'bits; 10 is one event in a thousand', read: (m) => plain(m.novelty) },
  { name: 'Cold share', note: 'share of the shown that nobody had before', read: (m) => share(m.coldShare) },
  {
    name: 'Calibration',
    note: 'away from the categories of the history: 0 the same mix, 4.6 nothing in common',
    read: (m) => (m.calibration ? decimal(m.calibration.mean) : undefined),
  },
]
const share = (value?: number) => (value === undefined ? undefined : percent(value))
const plain = (value?: number) => (value === undefined ? undefined : decimal(value))

export function ListFigures({ versions }: { versions: Version[] }) {
  const beside =
    versions.length === 1
      ? ([
          ['base', 'Base'],
          ['popular', 'Popularity'],
        ] as const)
      : []
  const columns: Column<(typeof LISTS)[number]>[] = [
    {
      label: 'Figure',
      head: true,
      render: ({ name, note }) => (
        <>
          <b>{name}</b>
          <Text size="xs" c="dimmed">
            {note}
          </Text>
        </>
      ),
    },
    ...versions.map((version) => ({
      label: versions.length === 1 ? 'This version' : version.id,
      end: true,
      render: ({ read }: (typeof LISTS)[number]) => {
        const own = ownMetrics(version)
        return (own && read(own)) ?? '–'
      },
    })),
    ...beside.map(([method, label]) => ({
      label,
      end: true,
      render: ({ read }: (typeof LISTS)[number]) => {
        const found = versions[0].metrics?.[method]
        return (found && read(found)) ?? '–'
      },
    })),
  ]
  return <Rows caption="What the lists are like" columns={columns} rows={LISTS} keyOf={({ name }) => name} />
}

/** A version and what it was compared with on the users of its test window. */
export function Rivals({ version }: { version: Version }) {
  const own = ownMetrics(version)
  if (!own) return <NotTold />
  const all = [
    { name: 'this version', value: own.ndcg, own: true },
    ...RIVALS.flatMap(([method, name]) => {
      const found = version.metrics?.[method]
      return found && found !== own ? [{ name, value: found.ndcg, own: false }] : []
    }),
  ]
  const max = 1.05 * Math.max(...all.map(({ value }) => value.high))
  return (
    <Rows
      caption="NDCG@10 of the version and its rivals"
      rows={all}
      keyOf={({ name }) => name}
      columns={[
        { label: 'Who', head: true, render: ({ name, own: isOwn }) => (isOwn ? <b>{name}</b> : name) },
        {
          label: 'NDCG@10',
          render: ({ name, value, own: isOwn }) => (
            <div className={classes.figure}>
              <Figure value={value} />
              <Whiskers values={[{ name, ...value, own: isOwn }]} max={max} />
            </div>
          ),
        },
      ]}
    />
  )
}

const NotTold = () => (
  <Text c="dimmed" p="md">
    Its report does not tell.
  </Text>
)
