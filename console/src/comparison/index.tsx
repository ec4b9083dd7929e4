import { Alert, SimpleGrid, Stack, Text } from '@mantine/core'
import { lazy, type ReactNode, Suspense } from 'react'
import type { Version } from '../contract'
import { Section } from '../parts/section'
import { Loading } from '../parts/states'
import { sameWindow } from '../versions'
import { Blend, Recipe } from './choices'
import { GateChecks } from './gate-checks'
import { Lineage } from './lineage'
import { ListFigures, MetricTable, Rivals, SliceTable } from './metrics'
import { OldWindows } from './old-windows'

const EpochLines = lazy(() => import('../charts/epoch-lines'))

/** A version's figures of each user are not kept: they were compared when it was judged, with what was served then. */
const BY_INTERVALS =
  'A difference has a colour where they are apart; where they overlap it may be chance, or a gain that only a comparison user by user shows.'

/** Everything that is known of a version, or of two beside each other. */
export function Comparison({ tenant, versions }: { tenant: string; versions: Version[] }) {
  const two = versions.length === 2
  return (
    <Stack gap="md">
      {two && !sameWindow(versions[0], versions[1]) && (
        <Alert color="orange" title="Judged at different times">
          The two were judged on different users and days: their figures are not quite alike. How the newer one met what
          was served before it, on the same users, stands under its own rivals.
        </Alert>
      )}
      <Beside versions={versions}>{(version) => <Lineage tenant={tenant} version={version} />}</Beside>
      <Section
        title="Quality"
        about={`Of the next things that users took, in the test window. Intervals of 95 %.${two ? ` ${BY_INTERVALS}` : ''}`}
        flush
      >
        <MetricTable versions={versions} />
      </Section>
      <Section title="By kind of user and item" about="NDCG@10. A gain for many must not hide a loss for some." flush>
        <SliceTable versions={versions} />
      </Section>
      <Section title="What the lists are like" about="Of the first ten" flush>
        <ListFigures versions={versions} />
      </Section>
      <Beside versions={versions}>
        {(version) => (
          <Section title="Rivals on the same users" about={two ? version.id : 'NDCG@10'} flush>
            <Rivals version={version} />
          </Section>
        )}
      </Beside>
      <Beside versions={versions}>
        {(version) => (
          <Section
            title="Old windows"
            about={two ? version.id : 'NDCG@10 of the network by itself, on what the one before learned from'}
            flush
          >
            <OldWindows version={version} />
          </Section>
        )}
      </Beside>
      <Beside versions={versions}>
        {(version) => (
          <Section title="The gate's checks" about={two ? version.id : undefined}>
            <GateChecks version={version} />
          </Section>
        )}
      </Beside>
      <Beside versions={versions}>
        {(version) => (
          <Section title="What it is blended of" about={two ? version.id : undefined}>
            <Blend version={version} />
          </Section>
        )}
      </Beside>
      <Section title="Recipe" about="Each choice with its reason" flush>
        <Recipe versions={versions} />
      </Section>
      {versions.map((version) => (
        <Section key={version.id} title="Learning" about={two ? version.id : undefined}>
          <Curves version={version} />
        </Section>
      ))}
    </Stack>
  )
}

function Beside({ versions, children }: { versions: Version[]; children: (version: Version) => ReactNode }) {
  return (
    <SimpleGrid cols={{ base: 1, md: versions.length }} spacing="md">
      {versions.map((version) => (
        <div key={version.id}>{children(version)}</div>
      ))}
    </SimpleGrid>
  )
}

function Curves({ version: { report, judgedAs } }: { version: Version }) {
  const curve = report.curves?.[judgedAs ?? 'candidate'] ?? report.curves?.candidate
  if (!curve || curve.epochs.length === 0) return <Text c="dimmed">No network was trained.</Text>
  return (
    <Stack gap="xs">
      <Suspense fallback={<Loading what="the chart" />}>
        <EpochLines epochs={curve.epochs} best={curve.bestEpoch} />
      </Suspense>
      {report.overfitting?.detail && <Text c="dimmed">{report.overfitting.detail}.</Text>}
    </Stack>
  )
}
