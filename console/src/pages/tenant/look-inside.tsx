import { Button, Group, SegmentedControl, Select, SimpleGrid, Stack } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQueries, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import type { VersionSummary } from '../../contract'
import { momentOf } from '../../numbers'
import { inspectionOf, RecommendedList } from '../../look-inside/recommended-list'
import { hasRules, isFilter, NO_RULES, optionsOf, type Rules } from '../../look-inside/rules'
import { RulesForm } from '../../look-inside/rules-form'
import { PickUser } from '../../look-inside/pick-user'
import { TypeHistory } from '../../look-inside/type-history'
import { historyOf, UserHistory } from '../../look-inside/user-history'
import { type Chosen, isNobody, isUser, type Who } from '../../look-inside/who'
import { PageTitle } from '../../parts/page-title'
import { Section } from '../../parts/section'
import { Empty, Failure, Loading } from '../../parts/states'
import { versionNamesOf } from '../../queries'
import { useMay } from '../../session'
import { useTenant } from '.'

const BASE = 'base'

/** What two versions would recommend to somebody, and because of what. */
export default function LookInside() {
  const tenant = useTenant()
  const may = useMay()
  const [parameters, setParameters] = useSearchParams()
  const [history, setHistory] = useState<Chosen[]>([])
  const [rules, setRules] = useState<Rules>(NO_RULES)
  // While a filter is being typed it is no filter.
  const [asked] = useDebouncedValue(isFilter(rules.filter) ? rules : { ...rules, filter: '' }, 300)
  const versions = useQuery(versionNamesOf(tenant))
  const set = (name: string, value: string) =>
    setParameters((old) => new URLSearchParams({ ...Object.fromEntries(old), [name]: value }), { replace: true })

  const userId = parameters.get('user') ?? ''
  const typing = parameters.get('who') === 'history' || !may('manage')
  const who: Who = typing ? { history } : { userId }
  return (
    <>
      <PageTitle title="Look inside" of={tenant} />
      <Stack gap="md">
        <Section
          title="For whom"
          actions={
            may('manage') && (
              <SegmentedControl
                size="xs"
                aria-label="For whom"
                value={typing ? 'history' : 'user'}
                onChange={(value) => set('who', value)}
                data={[
                  { value: 'user', label: 'A user' },
                  { value: 'history', label: 'A history' },
                ]}
              />
            )
          }
        >
          {typing ? (
            <TypeHistory tenant={tenant} history={history} onChange={setHistory} />
          ) : (
            <PickUser tenant={tenant} userId={userId} onPick={(id) => set('user', id)} />
          )}
        </Section>
        {isNobody(who) ? (
          <Empty title={typing ? 'Add the first item of a history' : 'Pick a user'}>
            Then two versions show what they would recommend, because of what, and how filters and boosts change it.
            Nothing of it is counted as an impression.
          </Empty>
        ) : (
          <>
            {isUser(who) && <UserHistory tenant={tenant} userId={who.userId} />}
            {versions.isPending && <Loading what="the versions" />}
            {versions.isError && <Failure error={versions.error} retry={() => void versions.refetch()} />}
            {versions.data && (
              <Lists
                key={tenant}
                tenant={tenant}
                who={who}
                versions={versions.data.data}
                picked={[parameters.get('a'), parameters.get('b')]}
                onPick={set}
                rules={rules}
                asked={asked}
                onRules={setRules}
              />
            )}
          </>
        )}
      </Stack>
    </>
  )
}

interface ListsProps {
  tenant: string
  who: Who
  versions: VersionSummary[]
  picked: (string | null)[]
  onPick: (side: 'a' | 'b', version: string) => void
  rules: Rules
  asked: Rules
  onRules: (rules: Rules) => void
}

function Lists({ tenant, who, versions, picked, onPick, rules, asked, onRules }: ListsProps) {
  // A form that was cleared is a new one; while it is filled in it stays, and the focus in it.
  const [cleared, setCleared] = useState(0)
  const served = versions.find(({ serving }) => serving)?.id ?? BASE
  // What is served beside the newest other one; before a first version there is the base alone.
  const rival = versions.find(({ id }) => id !== served)?.id ?? BASE
  const [a, b] = [picked[0] ?? (served === BASE ? BASE : rival === served ? BASE : rival), picked[1] ?? served]
  const sides = a === b ? [b] : [a, b]
  const options = optionsOf(asked)
  const lists = useQueries({ queries: sides.map((id) => inspectionOf(tenant, id, who, options)) })
  const past = useQuery({ ...historyOf(tenant, isUser(who) ? who.userId : ''), enabled: isUser(who) })
  const titles = new Map(
    isUser(who)
      ? (past.data?.data ?? []).map(({ itemId, item }) => [itemId, item?.title])
      : who.history.map(({ itemId, face }) => [itemId, face?.title]),
  )
  const faces = lists.flatMap(({ data }) => data?.items ?? [])
  const categories = [...new Set(faces.flatMap(({ properties }) => properties?.categories ?? []))].sort()
  const choices = [
    ...versions.map(({ id, serving, createdAt }) => ({
      value: id,
      label: `${id} (${serving ? 'serving' : momentOf(createdAt)})`,
    })),
    { value: BASE, label: 'The base, untuned' },
  ]
  return (
    <>
      <Section
        title="Rules"
        about="As a request or a scenario may say them"
        actions={
          <Button
            variant="default"
            disabled={!hasRules(rules)}
            onClick={() => {
              onRules(NO_RULES)
              setCleared((times) => times + 1)
            }}
          >
            No rules
          </Button>
        }
      >
        <RulesForm key={cleared} rules={rules} categories={categories} onChange={onRules} />
      </Section>
      <Group gap="sm" grow>
        {(['a', 'b'] as const).map((side, place) => (
          <Select
            key={side}
            label={place === 0 ? 'First version' : 'Second version'}
            allowDeselect={false}
            data={choices}
            value={place === 0 ? a : b}
            onChange={(id) => id !== null && onPick(side, id)}
          />
        ))}
      </Group>
      <SimpleGrid cols={{ base: 1, md: sides.length }} spacing="md">
        {sides.map((id, place) => (
          <Section
            key={place}
            title={id === BASE ? 'The base' : id}
            about={id === served ? 'serving' : undefined}
            flush
          >
            <RecommendedList
              tenant={tenant}
              version={id}
              who={who}
              options={options}
              other={(sides.length === 2 && lists[1 - place]?.data?.items) || null}
              titleOf={(itemId) => titles.get(itemId) ?? itemId}
            />
          </Section>
        ))}
      </SimpleGrid>
    </>
  )
}
