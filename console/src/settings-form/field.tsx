import { Checkbox, Group, NumberInput, Select, Stack, TagsInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import { rate } from '../numbers'
import { Described } from './described'
import { nameOf, type Path, pathText, type Schema, withoutNull } from './schema'

export interface FieldProps {
  path: Path
  schema: Schema
  value: unknown
  /** What is wrong with it, as the service said. */
  error?: string
  onChange: (path: Path, value: unknown) => void
  /** In a table: its heading says what it is; this says it to who listens. */
  label?: string
}

/** One setting, in the form that its schema asks for. */
export function Field(props: FieldProps) {
  const { schema, nullable } = withoutNull(props.schema)
  return nullable ? <NullableField {...props} schema={schema} /> : <PlainField {...props} schema={schema} />
}

/** With a box for null; what was there before comes back when the tick is taken away. */
function NullableField(props: FieldProps) {
  const { path, schema, value, onChange } = props
  const [last, setLast] = useState(value ?? schema.default ?? schema.minimum ?? '')
  return (
    <Stack gap={6}>
      <PlainField {...props} value={value ?? undefined} disabled={value === null} />
      <Checkbox
        size="xs"
        label="Not set"
        aria-label={`${nameOf(path.at(-1)!, schema)}: not set`}
        checked={value === null}
        onChange={(event) => {
          if (event.currentTarget.checked) setLast(value ?? last)
          onChange(path, event.currentTarget.checked ? null : last)
        }}
      />
    </Stack>
  )
}

function PlainField({ path, schema, value, error, onChange, label, disabled }: FieldProps & { disabled?: boolean }) {
  const id = pathText(path)
  const inTable = label !== undefined
  const shared = {
    id,
    error,
    disabled,
    ...(inTable
      ? { 'aria-label': label, size: 'xs' as const }
      : {
          label: nameOf(path.at(-1)!, schema),
          description: <Described text={[schema.description, rangeOf(schema)].filter(Boolean).join(' ')} />,
        }),
  }
  // What is written stays short; what is said of it needs the room.
  const narrow = (width: number) => ({ styles: { wrapper: { maxWidth: width } } })
  switch (schema.type) {
    case 'boolean':
      return (
        <Checkbox
          {...shared}
          checked={value === true}
          onChange={(event) => onChange(path, event.currentTarget.checked)}
        />
      )
    case 'integer':
    case 'number':
      return (
        <NumberInput
          {...shared}
          // The service says what fits: a value that is changed under the hand would say nothing.
          clampBehavior="none"
          hideControls
          allowDecimal={schema.type === 'number'}
          {...narrow(inTable ? 120 : 260)}
          value={typeof value === 'number' ? value : ''}
          onChange={(next) => onChange(path, typeof next === 'number' ? next : undefined)}
        />
      )
    case 'array':
      return schema.items?.enum ? (
        <Checkbox.Group
          {...shared}
          value={Array.isArray(value) ? (value as string[]) : []}
          onChange={(next) => onChange(path, next)}
        >
          <Group gap="md" mt={6}>
            {schema.items.enum.map((one) => (
              <Checkbox key={one} size="xs" value={one} label={one} />
            ))}
          </Group>
        </Checkbox.Group>
      ) : (
        <TagsInput
          {...shared}
          value={Array.isArray(value) ? (value as string[]) : []}
          onChange={(next) => onChange(path, next)}
        />
      )
    default:
      return schema.enum ? (
        <Select
          {...shared}
          data={schema.enum}
          allowDeselect={false}
          {...narrow(inTable ? 140 : 260)}
          value={typeof value === 'string' ? value : null}
          onChange={(next) => next !== null && onChange(path, next)}
        />
      ) : (
        <TextInput
          {...shared}
          {...narrow(420)}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(path, event.currentTarget.value)}
        />
      )
  }
}

function rangeOf({ minimum, maximum, default: usual }: Schema): string {
  const range = minimum !== undefined && maximum !== undefined ? `${rate(minimum)} to ${rate(maximum)}` : ''
  const given = ['string', 'number'].includes(typeof usual)
    ? `default ${typeof usual === 'number' ? rate(usual) : String(usual)}`
    : ''
  const said = [range, given].filter(Boolean).join('; ')
  return said && `${said.charAt(0).toUpperCase()}${said.slice(1)}.`
}
