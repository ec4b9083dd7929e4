import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import type { Version } from '../contract'
import { bytes, count, duration } from '../numbers'
import { Facts } from '../parts/facts'
import { Moment } from '../parts/moment'
import { Section } from '../parts/section'
import { GateStatus, Status } from '../parts/status'
import { runPath, versionPath } from '../paths'
import { IconCircleCheck } from '@tabler/icons-react'

/** Where a version comes from, and what the gate said of it. */
export function Lineage({ tenant, version }: { tenant: string; version: Version }) {
  const { id, serving, decision, reason, createdAt, parentId, baseModel, runId, dataWindow, counts, report } = version
  return (
    <Section
      title={id}
      about={reason}
      actions={
        serving && (
          <Status tone="good" icon={IconCircleCheck}>
            serving
          </Status>
        )
      }
    >
      <Facts
        facts={[
          ['Gate', <GateStatus key="gate" decision={decision} />],
          ['Made', <Moment key="made" at={createdAt} near={false} />],
          [
            'Goes on from',
            parentId ? (
              <Anchor component={Link} to={versionPath(tenant, parentId)}>
                {parentId}
              </Anchor>
            ) : (
              'the base'
            ),
            baseModel !== 'default' && `blend drawn to that of ${baseModel}`,
          ],
          runId && [
            'Run',
            <Anchor key="run" component={Link} to={runPath(tenant, runId)}>
              {runId}
            </Anchor>,
          ],
          dataWindow && [
            'Events',
            <>
              <Moment at={dataWindow.from} near={false} /> to <Moment at={dataWindow.to} near={false} />
            </>,
            <>
              validated from <Moment at={dataWindow.validationFrom} near={false} />, judged from{' '}
              <Moment at={dataWindow.testFrom} near={false} />
            </>,
          ],
          counts && [
            'Counts',
            `${count(counts.events)} events, ${count(counts.users)} users, ${count(counts.items)} items`,
            counts.judgedOn !== undefined && `judged on ${count(counts.judgedOn)} users`,
          ],
          report.seconds !== undefined && [
            'Took',
            duration(report.seconds),
            [report.engine && `on ${report.engine}`, report.peakMemoryBytes && bytes(report.peakMemoryBytes)]
              .filter(Boolean)
              .join(', '),
          ],
          ['Size', bytes(version.sizeBytes)],
        ]}
      />
    </Section>
  )
}
