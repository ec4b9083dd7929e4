import {
  ActionIcon,
  Autocomplete,
  Button,
  Checkbox,
  Group,
  JsonInput,
  NumberInput,
  SimpleGrid,
  Slider,
  Stack,
  TagsInput,
  Text,
} from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { decimal } from '../numbers'
import { isFilter, type Rules } from './rules'

interface Props {
  rules: Rules
  /** To choose from: those of the items that are seen. */
  categories: string[]
  onChange: (rules: Rules) => void
}

/** Filters, boosts and the rest that a request may say. */
export function RulesForm({ rules, categories, onChange }: Props) {
  const set = (some: Partial<Rules>) => onChange({ ...rules, ...some })
  const boost = (place: number, some: Partial<Rules['boosts'][number]>) =>
    set({ boosts: rules.boosts.map((one, at) => (at === place ? { ...one, ...some } : one)) })
  const number = (value: string | number) => (typeof value === 'number' ? value : '')
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="xl" verticalSpacing="md">
      <Stack gap="sm">
        <TagsInput
          label="Only of these categories"
          data={categories}
          value={rules.categories}
          onChange={(value) => set({ categories: value })}
        />
        <Group grow>
          <NumberInput
            label="Price from"
            hideControls
            value={rules.priceFrom}
            onChange={(value) => set({ priceFrom: number(value) })}
          />
          <NumberInput
            label="to"
            hideControls
            value={rules.priceTo}
            onChange={(value) => set({ priceTo: number(value) })}
          />
        </Group>
        <Checkbox
          label="Nothing that was in the history"
          checked={rules.excludeSeen}
          onChange={(event) => set({ excludeSeen: event.currentTarget.checked })}
        />
      </Stack>
      <Stack gap="sm">
        <div>
          <Text fw={600}>Boosts</Text>
          <Text size="xs" c="dimmed">
            The weight multiplies the rank score; 0 leaves out
          </Text>
        </div>
        {rules.boosts.map(({ category, weight }, place) => (
          <Group key={place} gap="xs" wrap="nowrap">
            <Autocomplete
              aria-label={`Category of boost ${place + 1}`}
              placeholder="Category"
              flex={1}
              data={categories}
              value={category}
              onChange={(value) => boost(place, { category: value })}
            />
            <NumberInput
              aria-label={`Weight of boost ${place + 1}`}
              w={76}
              min={0}
              max={1000}
              hideControls
              value={weight}
              onChange={(value) => boost(place, { weight: typeof value === 'number' ? value : 1 })}
            />
            <ActionIcon
              variant="default"
              size={30}
              aria-label={`Remove boost ${place + 1}`}
              onClick={() => set({ boosts: rules.boosts.filter((_, at) => at !== place) })}
            >
              <IconX size={15} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
        <div>
          <Button
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => set({ boosts: [...rules.boosts, { category: '', weight: 2 }] })}
          >
            Add a boost
          </Button>
        </div>
      </Stack>
      <Stack gap="sm">
        <Share label="Diversity" value={rules.diversity} onChange={(diversity) => set({ diversity })} />
        <Share label="Freshness" value={rules.freshness} onChange={(freshness) => set({ freshness })} />
        <JsonInput
          label="Further filter, as JSON"
          placeholder='{ "attributes.brand": { "eq": "Acme" } }'
          autosize
          minRows={2}
          value={rules.filter}
          error={isFilter(rules.filter) ? undefined : 'is no JSON object'}
          onChange={(filter) => set({ filter })}
        />
      </Stack>
    </SimpleGrid>
  )
}

function Share({ label, value, onChange }: { label: string; value: number; onChange: (value: number) => void }) {
  return (
    <div>
      <Group justify="space-between">
        <Text fw={600}>{label}</Text>
        <Text c="dimmed">{decimal(value, 1)}</Text>
      </Group>
      <Slider
        thumbLabel={label}
        min={0}
        max={1}
        step={0.1}
        label={null}
        size="sm"
        defaultValue={value}
        onChangeEnd={onChange}
      />
    </div>
  )
}
