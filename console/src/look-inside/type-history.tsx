import { ActionIcon, Autocomplete, Button, Group, Select, Stack } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { call, isProblem, of } from '../api'
import type { Inspection, ItemFace as Face } from '../contract'
import { ItemFace } from '../parts/item-face'
import { settingsOf, tenantKey } from '../queries'
import { useMay } from '../session'
import { isValues } from '../settings-form/schema'
import type { Chosen } from './who'

const SUGGESTED = 200

/** Items that somebody did something with, in order, whoever it is. */
export function TypeHistory(props: { tenant: string; history: Chosen[]; onChange: (history: Chosen[]) => void }) {
  const { tenant, history, onChange } = props
  const [typed, setTyped] = useState('')
  const [type, setType] = useState('purchase')
  const [problem, setProblem] = useState<string | null>(null)
  const may = useMay()
  const settings = useQuery({ ...settingsOf(tenant), enabled: may('manage') })
  // What the base would recommend to anybody: items that are known, with their titles.
  const suggested = useQuery({
    queryKey: [...tenantKey(tenant), 'suggested items'],
    queryFn: ({ signal }) =>
      call<Inspection>(of(tenant, '/model-versions/base/recommendations'), {
        method: 'POST',
        body: { count: SUGGESTED, returnProperties: true },
        signal,
      }),
    staleTime: 300_000,
  })
  const eventTypes = settings.data?.settings.eventTypes
  const types = isValues(eventTypes) ? Object.keys(eventTypes) : ['view', 'cart', 'purchase']
  const items = suggested.data?.items ?? []
  const byLabel = new Map(items.map((item) => [`${item.properties?.title ?? ''} (${item.itemId})`, item]))

  async function add(text: string) {
    const known = byLabel.get(text) ?? items.find(({ itemId }) => itemId === text)
    const itemId = known?.itemId ?? text.trim()
    if (itemId === '') return
    setProblem(null)
    try {
      const face = known?.properties
        ? (known.properties as Face)
        : may('ingest')
          ? await call<Partial<Face>>(of(tenant, `/items/${encodeURIComponent(itemId)}`))
          : {}
      onChange([
        ...history,
        { itemId, type, face: { title: null, imageUrl: null, url: null, categories: [], price: null, ...face } },
      ])
      setTyped('')
    } catch (error) {
      setProblem(isProblem(error) && error.status === 404 ? 'No item of the catalogue has this id.' : String(error))
    }
  }

  return (
    <Stack gap="sm">
      <Group gap="sm" align="flex-end">
        <Autocomplete
          label="Item"
          description="A part of a popular item's title, or the id of any"
          w={{ base: '100%', xs: 420 }}
          data={[...byLabel.keys()]}
          limit={20}
          value={typed}
          error={problem}
          onChange={setTyped}
          onOptionSubmit={(label) => void add(label)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && typed !== '' && !byLabel.has(typed)) void add(typed)
          }}
        />
        <Select
          label="What was done"
          w={160}
          allowDeselect={false}
          data={types}
          value={type}
          onChange={(value) => value !== null && setType(value)}
        />
        <Button variant="default" size="sm" disabled={typed === ''} onClick={() => void add(typed)}>
          Add
        </Button>
      </Group>
      {history.map(({ itemId, type: done, face }, place) => (
        <Group key={`${place} ${itemId}`} gap="sm" wrap="nowrap" justify="space-between" maw={592}>
          <ItemFace itemId={itemId} face={face} small />
          <Group gap="sm" wrap="nowrap">
            <span>{done}</span>
            <ActionIcon
              variant="default"
              size={30}
              aria-label={`Remove ${face?.title ?? itemId}`}
              onClick={() => onChange(history.filter((_, other) => other !== place))}
            >
              <IconX size={15} aria-hidden />
            </ActionIcon>
          </Group>
        </Group>
      ))}
    </Stack>
  )
}
