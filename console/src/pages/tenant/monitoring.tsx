import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Drift, DriftMeasure, FreshnessFigures } from '../../contract'
import { count, decimal, percent } from '../../numbers'
import { type Fact, Facts } from '../../parts/facts'
import { Moment } from '../../parts/moment'
import { Section } from '../../parts/section'
import { Empty, Failure, Loading } from '../../parts/states'
import { DriftStatus } from '../../parts/status'
import { driftOf, freshnessOf } from '../../queries'
import { useMay } from '../../session'

/** How far what comes is from what the served version was trained on. */
export function DriftPanel({ tenant }: { tenant: string }) {
  const may = useMay()
  const drift = useQuery({ ...driftOf(tenant), enabled: may('train') })
  const { data } = drift
  return (
    <Section
      title="Drift"
      about={
        data?.readAt && (
          <>
            from the data of <Moment at={data.readAt} near={false} />, which what is served was trained on
          </>
        )
      }
    >
      {!may('train') && <Empty title="This key may not see the drift">It lacks the scope train.</Empty>}
      {drift.isPending && may('train') && <Loading what="the drift" />}
      {drift.isError && <Failure error={drift.error} retry={() => void drift.refetch()} />}
      {data &&
        (data.modelVersion === null ? (
          <Text>No version of this tenant&apos;s own is served: there is nothing to drift from.</Text>
        ) : (
          <Facts facts={[['In all', <DriftStatus key="all" state={data.state} />], ...measuresOf(data)]} />
        ))}
    </Section>
  )
}

function measuresOf({ eventMix, catalogue, scores }: Drift): (Fact | null)[] {
  const measure = (label: string, found: DriftMeasure | null, value: (value: number) => ReactNode): Fact | null =>
    found && [
      label,
      <DriftStatus key={label} state={found.state} />,
      found.value === null ? found.missing : value(found.value),
    ]
  return [
    measure('Mix of events', eventMix, (value) => `stability index ${decimal(value)}`),
    measure('Catalogue', catalogue, (value) => (
      <>
        {percent(value, 0)} of the items: {count(catalogue?.added ?? 0)} new, {count(catalogue?.gone ?? 0)} gone
      </>
    )),
    measure('Scores', scores, (value) => `stability index ${decimal(value)}`),
  ]
}

/** How soon what is accepted counts in recommendations. */
export function FreshnessPanel({ tenant }: { tenant: string }) {
  const freshness = useQuery(freshnessOf(tenant))
  const { data } = freshness
  return (
    <Section title="Freshness" about={data && `the last ${data.hours} hours, while recommendations were asked for`}>
      {freshness.isPending && <Loading what="the freshness" />}
      {freshness.isError && <Failure error={freshness.error} retry={() => void freshness.refetch()} />}
      {data && <Facts facts={[freshFact('Events', data.events), freshFact('Items', data.items)]} />}
    </Section>
  )
}

function freshFact(label: string, { measured, promisedSeconds, withinPromise, p95 }: FreshnessFigures): Fact {
  if (withinPromise === null) return [label, 'none measured', `promised within ${promisedSeconds} s`]
  return [
    label,
    `${percent(withinPromise)} within ${promisedSeconds} s`,
    `of ${count(measured)} measured${p95 === null ? '' : `; 95 of 100 within ${p95 >= 300 ? 'more than 300' : decimal(p95)} s`}`,
  ]
}
