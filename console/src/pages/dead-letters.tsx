import { Button, Code, Group, Modal, Select, Stack, Text } from '@mantine/core'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import { call, query } from '../api'
import type { DeadLetter, DeadLetters as Letters, OpenedLetter } from '../contract'
import { type Deed, done, letterPath, noValue, whyKept } from '../letters'
import { bytes, count } from '../numbers'
import { Confirm } from '../parts/confirm'
import { Facts } from '../parts/facts'
import { Moment } from '../parts/moment'
import { useSay } from '../parts/notices'
import { PageTitle } from '../parts/page-title'
import { Pager, usePages } from '../parts/pager'
import { type Column, Rows } from '../parts/rows'
import { Section } from '../parts/section'
import { Empty, Failure, Loading } from '../parts/states'

const A_PAGE = 50
const LETTERS = ['dead letters']

export default function DeadLetters() {
  const [parameters, setParameters] = useSearchParams()
  const code = parameters.get('code') ?? ''
  const pages = usePages(code)
  const [opened, setOpened] = useState<string | null>(null)
  const [deed, setDeed] = useState<Deed | null>(null)
  const letters = useQuery({
    queryKey: [...LETTERS, code, pages.cursor],
    queryFn: ({ signal }) =>
      call<Letters>(query('/v1/dead-letters', { limit: A_PAGE, code, cursor: pages.cursor }), { signal }),
    placeholderData: keepPreviousData,
  })
  const { data, error } = letters
  return (
    <>
      <PageTitle title="Dead letters" />
      {letters.isPending && <Loading what="the letters" />}
      {letters.isError && <Failure error={error} retry={() => void letters.refetch()} />}
      {data && (
        <Stack gap="md">
          <ByReason byCode={data.byCode} code={code} onDo={setDeed} />
          <Select
            aria-label="Which reason"
            placeholder="Any reason"
            clearable
            w={{ base: '100%', xs: 290 }}
            value={code === '' ? null : code}
            data={Object.entries(data.byCode).map(([value, letters]) => ({
              value,
              label: `${value} (${count(letters)})`,
            }))}
            onChange={(value) => setParameters(value === null ? {} : { code: value }, { replace: true })}
          />
          <Section title="Letters, newest first" bare flush>
            {data.data.length === 0 ? (
              <Empty title="No letters wait">
                What comes by Kafka and cannot be used is kept here. What comes by HTTP is named in the answer instead.
              </Empty>
            ) : (
              <Rows
                caption="Dead letters, newest first"
                columns={columnsOf(setOpened, setDeed)}
                rows={data.data}
                keyOf={({ id }) => id}
                below={(letter) => (
                  <Text size="sm" c="dimmed">
                    {letter.reason}
                    {!letter.replayable && <> {whyKept(letter)}</>}
                  </Text>
                )}
              />
            )}
            <Pager pages={pages} next={data.nextCursor} shown={data.data.length} />
          </Section>
        </Stack>
      )}
      <Opened id={opened} onClose={() => setOpened(null)} />
      <Doing deed={deed} onClose={() => setDeed(null)} />
    </>
  )
}

/** How many there are of each reason, and what can be done with all of them. */
function ByReason({ byCode, code, onDo }: { byCode: Letters['byCode']; code: string; onDo: (deed: Deed) => void }) {
  const reasons = Object.entries(byCode)
    .filter(([one]) => code === '' || one === code)
    .sort(([, a], [, b]) => b - a)
  if (reasons.length === 0) return null
  const buttons = (one: string, kind: Deed['kind'], label: string, letters: number) => (
    <Button
      variant="default"
      aria-label={`${label}: ${one}`}
      onClick={() => onDo({ kind, which: { code: one }, named: `all ${count(letters)} letters of ${one}` })}
    >
      {label}
    </Button>
  )
  return (
    <Section title="By reason" flush>
      <Rows
        caption="Dead letters by reason"
        rows={reasons}
        keyOf={([one]) => one}
        columns={[
          { label: 'Reason', head: true, render: ([one]) => <code>{one}</code> },
          { label: 'Letters', end: true, render: ([, letters]) => count(letters) },
          {
            label: 'Do',
            end: true,
            render: ([one, letters]) => (
              <Group gap="xs" justify="flex-end">
                {buttons(one, 'replay', 'Replay all', letters)}
                {buttons(one, 'drop', 'Drop all …', letters)}
              </Group>
            ),
          },
        ]}
      />
    </Section>
  )
}

const placeOf = ({ topic, partition, offset }: DeadLetter) => `${topic}/${partition}/${offset}`

const columnsOf = (open: (id: string) => void, onDo: (deed: Deed) => void): Column<DeadLetter>[] => [
  {
    label: 'From',
    head: true,
    render: (letter) => (
      <>
        <b>{placeOf(letter)}</b>
        <Text size="xs" c="dimmed">
          <Moment at={letter.failedAt} />
          {letter.attempts > 1 && `, tried ${count(letter.attempts)} times`}
        </Text>
      </>
    ),
  },
  { label: 'Reason', render: ({ code }) => <code>{code}</code> },
  { label: 'Tenant', render: ({ tenant }) => tenant ?? '–', wide: ({ tenant }) => tenant === null },
  { label: 'Size', end: true, render: (letter) => bytes(letter.bytes) },
  {
    label: 'Do',
    end: true,
    render: (letter) => {
      const place = placeOf(letter)
      const deed = { which: { id: letter.id }, named: `the letter from ${place}` }
      return (
        <Group gap="xs" justify="flex-end">
          <Button variant="default" aria-label={`Open ${place}`} onClick={() => open(letter.id)}>
            Open
          </Button>
          <Button
            variant="default"
            disabled={!letter.replayable}
            aria-label={`Replay ${place}`}
            onClick={() => onDo({ kind: 'replay', ...deed })}
          >
            Replay
          </Button>
          <Button variant="default" aria-label={`Drop ${place}`} onClick={() => onDo({ kind: 'drop', ...deed })}>
            Drop …
          </Button>
        </Group>
      )
    },
  },
]

/** A letter as it came: text, whatever it holds. */
function Opened({ id, onClose }: { id: string | null; onClose: () => void }) {
  const letter = useQuery({
    queryKey: [...LETTERS, 'one', id],
    queryFn: ({ signal }) => call<OpenedLetter>(letterPath(id!), { signal }),
    enabled: id !== null,
  })
  const { data } = letter
  return (
    <Modal opened={id !== null} onClose={onClose} title="The letter" size="lg">
      {letter.isError ? (
        <Failure error={letter.error} retry={() => void letter.refetch()} />
      ) : !data ? (
        <Loading what="the letter" />
      ) : (
        <Stack gap="md">
          <Facts
            facts={[
              ['From', placeOf(data)],
              ['Sent', <Moment key="sent" at={data.sentAt} near={false} />],
              ['Refused', <Moment key="refused" at={data.failedAt} near={false} />, `attempts: ${data.attempts}`],
              ['Reason', <code key="code">{data.code}</code>, data.reason],
              ['Key', data.key ?? 'none'],
              ...Object.entries(data.headers).map(([name, value]) => [name, value] as const),
            ]}
          />
          {data.value === null ? (
            <Text>{noValue(data)}</Text>
          ) : (
            // As it came: read and written anew, its large numbers would be others.
            <Code block tabIndex={0} aria-label="Value of the letter" style={{ whiteSpace: 'pre-wrap' }}>
              {data.value}
            </Code>
          )}
          {data.encoding === 'base64' && <Text c="dimmed">It is no text: shown as base64.</Text>}
          {!data.replayable && <Text c="dimmed">{whyKept(data)}</Text>}
        </Stack>
      )}
    </Modal>
  )
}

function Doing({ deed, onClose }: { deed: Deed | null; onClose: () => void }) {
  const queries = useQueryClient()
  const say = useSay()
  const drops = deed?.kind === 'drop'
  return (
    <Confirm
      opened={deed !== null}
      onClose={onClose}
      title={drops ? 'Drop for good?' : 'Replay?'}
      action={drops ? 'Drop' : 'Replay'}
      destructive={drops}
      onConfirm={async () => {
        // Some of many may be done before one goes wrong.
        say(await done(deed!).finally(() => queries.invalidateQueries({ queryKey: LETTERS })))
      }}
    >
      {drops
        ? `This takes away ${deed.named}. What is in them is lost.`
        : `This sends ${deed?.named ?? ''} round again, each to the topic that it came from. What is stored already stays stored once.`}
    </Confirm>
  )
}
